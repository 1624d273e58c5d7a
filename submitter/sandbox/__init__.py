"""Local stand-ins for every provider, written from their documents alone; imports nothing of `receiver`."""
