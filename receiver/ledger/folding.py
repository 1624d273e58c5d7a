"""Folding: SQLite's log goes back into the file on a thread of its own, so that no delivery waits for it.

Left to SQLite, the commit that finds the log long copies all of it, and everybody behind that commit waits: at 64 MiB
of log a tenth of a second. Copied beside the writers it never quite ends while they go on, so the last little part is
done in a turn of our own; whoever writes next finds all of it copied, and begins the log anew.
"""

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from receiver.ledger.pragmas import apply
from receiver.ledger.turns import Turns

PAGES = 1024
"""Pages of log, about, after which it is folded: 8 MiB, some milliseconds of copying."""
PAGES_A_BATCH = 10
"""What a batch writes besides a page for each delivery: the ends of tables and indexes."""
BESIDE = 2
"""Passes beside the writers; each leaves what they wrote meanwhile, so that the last finds little."""


class Folding:
    """Watches over the log of one file. Tell it of every batch; for one thread at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._turns = Turns(file)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="folding")
        self._under_way: Future[None] | None = None
        self._db: sqlite3.Connection | None = None
        self._written = 0

    def wrote(self, deliveries: int) -> None:
        """A batch of so many was committed. Returns at once."""
        self._written += PAGES_A_BATCH + deliveries
        if self._written >= PAGES and (self._under_way is None or self._under_way.done()):
            self._written = 0
            with suppress(RuntimeError):  # no thread to be had, or the process ends: the batch is written all the same
                self._under_way = self._thread.submit(self._fold)

    def close(self) -> None:
        """Let a fold under way end, then let go of the file."""
        self._thread.shutdown(wait=True)
        self._turns.close()
        if self._db is not None:
            self._db.close()
            self._db = None

    def _fold(self) -> None:
        with suppress(sqlite3.OperationalError):  # the log only stays longer, until SQLite itself copies it at a commit
            if self._db is None:
                self._db = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
                apply(self._db, 0)
            for _ in range(BESIDE):
                self._copy(self._db)
            with self._turns.mine():
                self._copy(self._db)

    @staticmethod
    def _copy(db: sqlite3.Connection) -> None:
        """PASSIVE waits for nobody and keeps nobody waiting: it copies what no reader still needs as it is."""
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
