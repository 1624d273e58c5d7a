"""The recorder's scribe on PostgreSQL: one connection, made again where it was lost."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg

from receiver.errors import LedgerBusy
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.books import record_all
from receiver.ledger.deadlocks import again
from receiver.ledger.pg_books import PostgresBooks, Rows


class PostgresScribe:
    """`parameters` are psycopg's. `synchronous_commit` is as the server has it."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._db: Rows | None = None

    def write(self, arrivals: Sequence[Arrival]) -> list[Recorded]:
        """One transaction; once more where the connection had been lost since the last batch, before it began."""
        fresh = self._db is None
        try:
            return again(lambda: self._write(arrivals))
        except psycopg.OperationalError as error:
            lost = self._db is None or self._db.closed
            if not lost:
                raise LedgerBusy("the database does not take rows right now") from error
            self._db = None
            if fresh:
                raise LedgerBusy("the database does not answer") from error
        return self.write(arrivals)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _write(self, arrivals: Sequence[Arrival]) -> list[Recorded]:
        if self._db is None:
            self._db = psycopg.connect(**self._parameters)
        db = self._db
        try:
            return record_all(PostgresBooks(db, commits=True), arrivals)
        except BaseException:
            with suppress(psycopg.Error):
                db.rollback()
            raise
