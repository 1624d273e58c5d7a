"""SQLAlchemy's engines, opened by the thread that first wants rows: its import is not for the start of a process."""

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Engines:
    """One engine for the writer and one for readers of a database."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._open: dict[bool, Engine] = {}
        self._lock = threading.Lock()

    def writing(self) -> "Engine":
        """Raises Misconfigured when the driver is missing."""
        return self._engine(write=True)

    def reading(self) -> "Engine":
        """Raises Misconfigured when the driver is missing."""
        return self._engine(write=False)

    def dispose(self) -> None:
        """Let go of the database."""
        for engine in self._open.values():
            engine.dispose()

    def _engine(self, *, write: bool) -> "Engine":
        with self._lock:
            if write not in self._open:
                # with these loaded, no transaction has to wait for an import
                from receiver.ledger import database, duties, jobs, tasks, views  # noqa: F401, PLC0415

                self._open[write] = database.connect(self._url, write=write)
            return self._open[write]
