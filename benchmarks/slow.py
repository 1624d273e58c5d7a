"""Runs a module with a slower disk: every commit that wrote something sleeps first, in whatever code calls it.

SLOW_COMMIT=0.005 python -m benchmarks.slow uvicorn …
"""

import os
import runpy
import sqlite3
import sys
import time
from types import TracebackType
from typing import Any, Literal, Self

SECONDS = float(os.environ.get("SLOW_COMMIT", "0.005"))
_connect = sqlite3.connect


class SlowConnection(sqlite3.Connection):
    """A connection whose commits cost what a real disk's would: the GIL is free meanwhile, as with fsync."""

    _seen = 0

    def wait(self) -> None:
        if self.total_changes != self._seen:
            self._seen = self.total_changes
            time.sleep(SECONDS)

    def commit(self) -> None:
        self.wait()
        super().commit()

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if sql.lstrip()[:6].upper() == "COMMIT":
            self.wait()
        return super().execute(sql, *more)

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or SlowCursor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> Literal[False]:
        if kind is None:
            self.wait()
        super().__exit__(kind, error, at)
        return False


class SlowCursor(sqlite3.Cursor):
    """`COMMIT` as a statement is a commit, too."""

    def execute(self, sql: str, *more: Any) -> Self:
        if sql.lstrip()[:6].upper() == "COMMIT" and isinstance(self.connection, SlowConnection):
            self.connection.wait()
        return super().execute(sql, *more)


def connect(*words: Any, **named: Any) -> sqlite3.Connection:
    found: sqlite3.Connection = _connect(*words, **{"factory": SlowConnection, **named})
    return found


def main() -> None:
    for module in (sqlite3, sqlite3.dbapi2):
        vars(module)["connect"] = connect
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
