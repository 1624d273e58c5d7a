"""Turns at a SQLite file: whoever writes queues by an flock. SQLite's own busy handler sleeps, and is unfair."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 1.0
"""Seconds that another may have the file to itself before we stop queueing: he may be frozen, and SQLite locks, too."""
LOOK = 0.001
"""Seconds between two looks whether it is our turn."""


class Turns:
    """One who queues, in this process or another. Opened with the first turn; for one thread at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file.with_name(file.name + ".turn")
        self._handle = -1

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Our turn, for as long as the block lasts."""
        if self._handle < 0:
            self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LONGEST
        while not (taken := self._take()) and time.monotonic() < deadline:
            time.sleep(LOOK)
        try:
            yield
        finally:
            if taken:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _take(self) -> bool:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
