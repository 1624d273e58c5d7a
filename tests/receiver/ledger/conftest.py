"""Ledgers to test with: real databases, one for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from receiver.ledger.database import connect
from receiver.ledger.ledger import Ledger
from tests import postgres, sqlite

BACKENDS = ("sqlite", "postgres")
"""Every test that takes `ledger`, `connection` or `database_url` runs once for each."""


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def database_url(backend: str, tmp_path: Path) -> Iterator[str]:
    """An empty ledger: a new file or a new database with our schema."""
    yield from _database(backend, tmp_path, migrated=True)


@pytest.fixture
def empty_url(backend: str, tmp_path: Path) -> Iterator[str]:
    """A database without any schema."""
    yield from _database(backend, tmp_path, migrated=False)


def _database(backend: str, folder: Path, *, migrated: bool) -> Iterator[str]:
    if backend == "sqlite":
        file = folder / "ledger.db"
        yield sqlite.ready(file) if migrated else f"sqlite:///{file}"
        return
    url = postgres.fresh(migrated=migrated)
    yield url
    postgres.drop(url)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """For what only a server has: connections that end, locks that queue, a clock of its own."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)


@pytest.fixture
def postgres_empty(tmp_path: Path) -> Iterator[str]:
    """A server's database before its first migration."""
    yield from _database("postgres", tmp_path, migrated=False)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """For what only SQLite has: a file (not there yet), pragmas, a lock that a second connection can hold."""
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.close()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The writer's own kind of engine, for tests below the writer's thread."""
    made = connect(database_url, write=True)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """One transaction, rolled back in the end."""
    with engine.connect() as made, made.begin() as transaction:
        yield made
        transaction.rollback()
