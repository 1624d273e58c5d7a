"""Scribes for the recorder: a connection of its own, one transaction a batch, one process at a time on a file."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from receiver.errors import LedgerBusy
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.books import SqliteBooks, record_all
from receiver.ledger.folding import Folding
from receiver.ledger.glance import sqlite_file
from receiver.ledger.pragmas import apply
from receiver.ledger.recorder import Scribe
from receiver.ledger.turns import Turns

PATIENCE = 3000
"""Milliseconds that a batch waits for SQLite's own lock: a provider is told 503 before it hangs up (Runware: 5 s)."""


BY_KEY = "enable_seqscan=off"
"""Of a server: for the keys of a batch it would read a small table whole, and keep to that plan while the table grows,
until it next takes statistics. The recorder finds all by key."""


class SqliteScribe:
    """A SQLite file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._db: sqlite3.Connection | None = None
        self._turns = Turns(file)
        self._folding = Folding(file)

    def write(self, arrivals: Sequence[Arrival]) -> list[Recorded]:
        try:
            db = self._db or self._open()
            with self._turns.mine(), _transaction(db):
                recorded = record_all(SqliteBooks(db), arrivals)
        except sqlite3.OperationalError as error:
            raise LedgerBusy("the database does not take rows right now") from error
        self._folding.wrote(len(arrivals))
        return recorded

    def close(self) -> None:
        self._folding.close()
        self._turns.close()
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=PATIENCE / 1000, isolation_level=None, check_same_thread=False)
        apply(db, PATIENCE)
        self._db = db
        return db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def open_scribe(database_url: str) -> Scribe:
    """The scribe of a database. Raises Misconfigured for what is neither SQLite nor PostgreSQL."""
    file = sqlite_file(database_url)
    if file is not None:
        return SqliteScribe(file)
    # its driver is an extra, and SQLAlchemy slow to import
    from receiver.ledger.database import server_parameters  # noqa: PLC0415
    from receiver.ledger.pg_scribe import PostgresScribe  # noqa: PLC0415

    return PostgresScribe(server_parameters(database_url, BY_KEY))
