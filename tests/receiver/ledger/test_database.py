"""Engines: what SQLite promises is really in force, a wrong DATABASE_URL is said so, times carry their zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import StatementError

from receiver.errors import LedgerBusy, Misconfigured
from receiver.ledger import tables
from receiver.ledger.database import BUSY_MILLISECONDS, address, connect
from receiver.ledger.glance import sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.ledger.schema import check_schema, migrate
from tests.receiver.ledger import ledgers


@pytest.mark.parametrize("write", [True, False])
def test_durability_is_really_in_force(sqlite_url: str, *, write: bool) -> None:
    """An acknowledged delivery survives power loss: WAL with synchronous=FULL; and a lock is waited for."""
    check_schema(sqlite_url)
    engine = connect(sqlite_url, write=write)
    names = ("journal_mode", "synchronous", "page_size", "busy_timeout")
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    engine.dispose()

    assert found == ["wal", 2, 8192, BUSY_MILLISECONDS]


def test_every_connection_of_a_pool_is_durable(sqlite_url: str) -> None:
    """Pragmas belong to a connection, not to a file: the second one has them, too."""
    engine = connect(sqlite_url, write=False)
    with engine.connect() as one, engine.connect() as two:
        found = [each.exec_driver_sql("PRAGMA synchronous").scalar() for each in (one, two)]
    engine.dispose()

    assert found == [2, 2]


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h:5432/d?sslmode=require", "postgresql+psycopg"),
        ("sqlite:///a.db", "sqlite"),
    ],
)
def test_addresses(url: str, driver: str) -> None:
    """Both spellings that platforms hand out for PostgreSQL are one; SQLite is a file."""
    assert address(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proofhook.db",
        "mysql://h/d",
        "sqlite+aiosqlite:///a.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///a.db?mode=memory",
        "postgresql://h:port/d",
    ],
)
def test_a_wrong_address_is_named(url: str) -> None:
    """What is neither a SQLite file nor PostgreSQL stops the start, with a sentence that names DATABASE_URL."""
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        address(url)


@pytest.mark.parametrize("use", [check_schema, lambda url: connect(url, write=True), migrate, Ledger])
def test_a_folder_that_cannot_be_is_named(tmp_path: Path, use: Callable[[str], object]) -> None:
    """A file where the folder should be is a wrong setting, not an OSError."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        use(f"sqlite:///{tmp_path}/file/ledger.db")


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    """A file of other bytes is a wrong setting: it is left as it is."""
    other = tmp_path / "notes.txt"
    other.write_bytes(b"not a database, but somebody's notes\n" * 100)
    before = other.read_bytes()

    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        Ledger(f"sqlite:///{other}")
    assert other.read_bytes() == before


def test_folders_are_made(tmp_path: Path) -> None:
    """A first start needs no `mkdir`."""
    check_schema(f"sqlite:///{tmp_path}/a/b/ledger.db")

    assert sqlite_file(f"sqlite:///{tmp_path}/a/b/ledger.db") == tmp_path / "a/b/ledger.db"
    assert (tmp_path / "a/b/ledger.db").is_file()


def test_a_database_server_has_no_file() -> None:
    """Only SQLite has a file beside which keys can be kept."""
    assert sqlite_file("postgresql://h/d") is None


async def test_a_naive_time_is_refused(ledger: Ledger) -> None:
    """Nobody could say what it means: a defect of ours reaches its caller as one, and nothing is written."""
    naive = ledgers.NOW.replace(tzinfo=None)

    with pytest.raises(StatementError, match="must carry its zone"):
        await ledgers.opened(ledger, created_at=naive)
    with pytest.raises(StatementError, match="must carry its zone"):
        await ledger.jobs(since=naive)
    assert ledgers.rows(ledger, tables.job) == []


async def test_times_come_back_as_utc(ledger: Ledger) -> None:
    """A time of any zone is the same moment in UTC when it is read."""
    at = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-7)))

    job = await ledger.job(await ledgers.opened(ledger, created_at=at))

    assert (job.created_at, job.created_at.tzinfo) == (at, UTC)


async def test_times_sort_as_they_are(ledger: Ledger) -> None:
    """SQLite keeps times as text: whole seconds and microseconds still sort by time."""
    at = ledgers.NOW.replace(microsecond=0)
    times = [at + timedelta(microseconds=each) for each in (0, 1, 10, 999_999, 1_000_000)]
    for each in times:
        await ledgers.opened(ledger, created_at=each)

    assert [job.created_at for job in await ledger.jobs()] == times[::-1]
    assert len(await ledger.jobs(since=times[2])) == 3
    assert len(await ledger.jobs(before=times[2])) == 2


async def test_a_reader_that_cannot_read_is_busy(sqlite_url: str) -> None:
    """A database that went away is LedgerBusy to readers, not an error of the driver's."""
    ledger, file = Ledger(sqlite_url), sqlite_file(sqlite_url)
    assert file is not None
    try:
        file.unlink()
        file.mkdir()
        with pytest.raises(LedgerBusy):
            await ledger.ready()
    finally:
        ledger.close()


def test_a_transaction_that_is_left_leaves_nothing(engine: Engine) -> None:
    """ROLLBACK takes back a whole fact, though we say BEGIN ourselves."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(tables.key.insert().values(fingerprint="f", key_id="k", kind="hmac", source=""))
        transaction.rollback()

    with engine.connect() as connection:
        assert connection.execute(select(tables.key)).all() == []
