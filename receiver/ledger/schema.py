"""The schema's version: made on a first start (SQLite), migrated by `proofhook migrate`, checked at every start."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from receiver.errors import Misconfigured
from receiver.ledger.database import connect, make_folder, reason
from receiver.ledger.glance import HEAD, sqlite_file

ONE_AT_A_TIME = 0x70726F6F66
"""The number of PostgreSQL's advisory lock for migrations: any, but ours."""
MIGRATIONS = Path(__file__).parent / "migrations"


def check_schema(database_url: str) -> None:
    """Refuse to work on a schema of another release. An empty SQLite file is given the present one."""
    found = version(database_url)
    if found is None and sqlite_file(database_url) is not None:
        migrate(database_url)
        found = HEAD
    if found != HEAD:
        raise Misconfigured(f"DATABASE_URL: the database {_difference(found)}")


def _difference(found: str | None) -> str:
    """What is wrong with that revision, and the mend."""
    if found is None:
        return "has no schema yet; run `proofhook migrate`"
    if found > HEAD:
        return f"has the newer schema {found}, this release needs {HEAD}; run the newest release in use"
    return f"has the older schema {found}, this release needs {HEAD}; run `proofhook migrate`"


def version(database_url: str) -> str | None:
    """The schema's revision, None where there is none. Raises Misconfigured when the database does not answer."""
    engine = connect(database_url, write=False)
    try:
        # whoever opens a new file first switches it to WAL, and for that lock SQLite does not always wait
        with _alone(database_url), engine.connect() as connection:
            return _stamped(connection)
    except SQLAlchemyError as error:
        told = reason(error, database_url)
        raise Misconfigured(f"DATABASE_URL: the database cannot be opened ({told})") from None
    finally:
        engine.dispose()


def _stamped(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def migrate(database_url: str, to: str = "head") -> str:
    """Bring the schema to this release's (tests: to an older one); safe to run twice and at once. Returns HEAD."""
    # alembic is slow to import, and only this needs it
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _alone(database_url):
        engine = connect(database_url, write=True)
        try:
            with engine.begin() as connection:
                _in_turn(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, to)
        except CommandError as error:
            raise Misconfigured("DATABASE_URL: the schema is of a newer release; run that one") from error
        except SQLAlchemyError as error:
            raise Misconfigured(f"DATABASE_URL: the migration failed ({reason(error, database_url)})") from error
        finally:
            engine.dispose()
    return HEAD


def _in_turn(connection: Connection) -> None:
    """On a server migrations queue for an advisory lock; each then waits for tables a while, and works as it must."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_AT_A_TIME})
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))


@contextmanager
def _alone(database_url: str) -> Iterator[None]:
    """One look or migration at a time on one SQLite file, whatever starts at once."""
    file = sqlite_file(database_url)
    if file is None:
        yield
        return
    make_folder(file)
    try:
        lock = file.with_name(file.name + ".lock").open("w")
    except OSError as error:
        raise Misconfigured(f"DATABASE_URL: nothing can be written beside {file} ({error.strerror})") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
