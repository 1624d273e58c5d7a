"""Names for rows, made so that rows of one time stand together: a batch then touches few pages of an index."""

import os
from datetime import datetime

_VARIANT = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}
"""RFC 9562 §4.1: the first two bits of that digit are 10."""


def delivery_id(now: datetime) -> str:
    """A UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, 74 random bits."""
    return _uuid(now, "7")


def job_id(now: datetime) -> str:
    """A UUID of version 4 in form (Runware takes no other), its first 48 bits the time instead of chance.

    74 random bits remain; that nobody guesses a callback URL rests on the MAC in it, not on these.
    """
    return _uuid(now, "4")


def _uuid(now: datetime, version: str) -> str:
    at = f"{int(now.timestamp() * 1000) & 0xFFFFFFFFFFFF:012x}"
    chance = os.urandom(10).hex()
    return f"{at[:8]}-{at[8:]}-{version}{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[7:19]}"
