"""The databases that crash tests run on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import postgres, sqlite

BACKENDS = ("sqlite", "postgres")


@contextmanager
def database(backend: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database. Skips where there can be no PostgreSQL."""
    if backend == "sqlite":
        yield sqlite.ready(folder / "ledger.db")
        return
    url = postgres.fresh()
    try:
        yield url
    finally:
        postgres.drop(url)
