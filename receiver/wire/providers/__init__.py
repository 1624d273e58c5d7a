"""One provider a file: what it is sent, how it answers, how that is verified."""
