"""The pure part: wire formats, signatures, tokens. No I/O, no clock, no environment, no randomness."""
