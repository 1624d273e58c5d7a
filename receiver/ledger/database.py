"""Engines: one for the writer, one for readers; SQLite made durable, PostgreSQL bounded in every wait."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from receiver.errors import Misconfigured
from receiver.ledger.pragmas import apply

BUSY_MILLISECONDS = 10_000
READERS = 4
"""Connections for reading: with the writer's and the listener's a process holds six of a server's at most."""
POOL_SECONDS = 10
BOUNDS = {
    "application_name": "proofhook",
    "connect_timeout": 5,
    # a server that vanished without a word: given up after some 15 s, whether we wait for it or write to it
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
SESSION = (
    "statement_timeout=10000",
    "lock_timeout=5000",
    "idle_in_transaction_session_timeout=30000",
    "TimeZone=UTC",
    "default_transaction_isolation=read\\ committed",
    "jit=off",
)
"""`jit`: the planner takes some pages to be worth compiling, which takes longer than all of the page.
`synchronous_commit` is not among them: it is as the server has it."""


def address(database_url: str) -> URL:
    """DATABASE_URL as SQLAlchemy wants it. Raises Misconfigured for what is neither SQLite nor PostgreSQL."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise Misconfigured("DATABASE_URL is no URL; write sqlite:///proofhook.db or postgresql://…") from None
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        return url
    raise Misconfigured("DATABASE_URL must be sqlite:///FILE or postgresql://…; nothing else is durable here")


def make_folder(file: Path) -> None:
    """The folder that a SQLite file is to stand in. Raises Misconfigured where there can be none."""
    try:
        file.resolve().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"DATABASE_URL: the folder of {file} cannot be made ({error.strerror})") from error


def server_parameters(database_url: str, *more: str) -> dict[str, Any]:
    """What psycopg is told: all that the URL says (its options are kept), and our bounds where it says nothing.

    `more` are settings of this session beside those of every one.
    """
    url = address(database_url)
    _, said = url.get_dialect()().create_connect_args(url)
    # the URL's own options come last, so that they win
    options = " ".join([*(f"-c {each}" for each in (*SESSION, *more)), str(said.get("options", ""))]).strip()
    return {**BOUNDS, **said, "options": options}


def connect(database_url: str, *, write: bool) -> Engine:
    """An engine for one writer thread, or for readers. Raises Misconfigured when the driver is missing."""
    url = address(database_url)
    try:
        return _file(url, write=write) if url.drivername == "sqlite" else _server(url, database_url, write=write)
    except ModuleNotFoundError:
        raise Misconfigured(
            "DATABASE_URL names PostgreSQL; install its driver: pip install 'proofhook[postgres]'"
        ) from None


def reason(error: SQLAlchemyError, database_url: str) -> str:
    """Why the database does not answer, in one line and without the password."""
    told = (str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines() or [type(error).__name__])[0]
    password = address(database_url).password
    return told.replace(str(password), "***") if password else told


def _server(url: URL, database_url: str, *, write: bool) -> Engine:
    """The writer learns of a lost connection by a failing batch, and retries that: it need not ask before each."""
    return create_engine(
        url,
        connect_args=server_parameters(database_url),
        pool_size=1 if write else READERS,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=not write,
        execution_options={"preserve_rowcount": True},  # of an INSERT … ON CONFLICT, too: it says what is new
    )


def _file(url: URL, *, write: bool) -> Engine:
    make_folder(Path(url.database or ""))
    engine = create_engine(url, pool_size=1 if write else READERS, connect_args={"timeout": BUSY_MILLISECONDS / 1000})
    event.listen(engine, "connect", _durable)
    event.listen(engine, "begin", _begin_immediate if write else _begin)
    return engine


def _durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves; the driver's own would be a deferred one
    apply(connection, BUSY_MILLISECONDS)


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
