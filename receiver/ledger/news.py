"""News: whoever waits for work, or for the end of a job, learns of a commit by any process within milliseconds.

A server tells us (LISTEN; `announce` says NOTIFY inside the transaction, so that it goes out with COMMIT). A SQLite
file is looked at: `PRAGMA data_version` changes when another connection has committed, and costs some microseconds.
News may be missed while a server is away, so whoever waits also looks by itself now and then.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.ledger.glance import sqlite_file

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHANNEL = "proofhook"
ANNOUNCE = f"NOTIFY {CHANNEL}"
LOOK = 0.01
"""Seconds between two looks at a SQLite file."""
AWAY = 1.0
"""Seconds before a database that does not answer is asked again."""


def announce(connection: "Connection") -> None:
    """Tell who listens, when and if this transaction is committed. A SQLite file tells it by itself."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(ANNOUNCE)


class Ear:
    """One who listens. Between two returns of `changed` there are at least `rest` seconds."""

    def __init__(self, rest: float) -> None:
        self._rest = rest
        self._rested_at = 0.0
        self.heard = asyncio.Event()

    async def changed(self, timeout: float, stop: asyncio.Event | None = None) -> None:  # noqa: ASYNC109  no error
        """Until something was committed since the last return (or since listening began), at most `timeout` seconds.

        `stop` ends the wait, too.
        """
        loop = asyncio.get_running_loop()
        stopping = loop.create_task(stop.wait() if stop else asyncio.Event().wait())
        stopping.add_done_callback(lambda ended: None if ended.cancelled() else self.heard.set())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await asyncio.sleep(self._rested_at - loop.time())
                    await self.heard.wait()
        finally:
            stopping.cancel()
        self.heard.clear()
        self._rested_at = loop.time() + self._rest


class News:
    """One source for all ears of a ledger; it runs while there is an ear. For one event loop at a time."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._file = sqlite_file(database_url)
        self._ears: set[Ear] = set()
        self._source: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listening(self, rest: float = 0.0) -> AsyncIterator[Ear]:
        """An ear for as long as the block lasts."""
        ear = Ear(rest)
        self._ears.add(ear)
        if self._source is None:
            self._source = asyncio.create_task(self._listen() if self._file is None else self._watch(self._file))
        try:
            yield ear
        finally:
            self._ears.discard(ear)
            if not self._ears:
                await self._end()

    async def _end(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.cancel()
            await asyncio.wait([source])

    def _tell(self) -> None:
        for ear in self._ears:
            ear.heard.set()

    async def _watch(self, file: Path) -> None:
        while True:
            with suppress(sqlite3.Error), closing(_watcher(file)) as connection:
                self._tell()  # what came before we looked
                before = _version(connection)
                while True:
                    await asyncio.sleep(LOOK)
                    if (now := _version(connection)) != before:
                        before = now
                        self._tell()
            await asyncio.sleep(AWAY)

    async def _listen(self) -> None:
        # not there where only SQLite is used
        import psycopg  # noqa: PLC0415

        from receiver.ledger.database import server_parameters  # noqa: PLC0415

        while True:
            with suppress(psycopg.Error):
                parameters = server_parameters(self._url)
                async with await psycopg.AsyncConnection.connect(autocommit=True, **parameters) as connection:
                    await connection.execute(ANNOUNCE.replace("NOTIFY", "LISTEN").encode())
                    self._tell()  # what came before we listened
                    async for _ in connection.notifies():
                        self._tell()
            await asyncio.sleep(AWAY)


def _watcher(file: Path) -> sqlite3.Connection:
    """No timeout: an event loop must not wait for a lock."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
