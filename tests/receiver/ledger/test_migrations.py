"""Up from every past revision, on both backends: rows survive, whoever migrates at once; an old schema is refused."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, inspect, select
from sqlmodel import SQLModel

from receiver.errors import Misconfigured
from receiver.ledger import tables, trail_tables  # noqa: F401  its models are to be known
from receiver.ledger.database import connect
from receiver.ledger.glance import HEAD
from receiver.ledger.ledger import Ledger
from receiver.ledger.rules import Standing
from receiver.ledger.schema import MIGRATIONS, check_schema, migrate, version

REVISIONS = [each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
VALUES: dict[type, Any] = {
    str: "{}", int: 7, bool: True, bytes: b"\x00\xff", object: {"a": [1, None]},
    datetime: datetime(2026, 3, 1, tzinfo=UTC),
}  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


def _reflected(database_url: str) -> MetaData:
    found, engine = MetaData(), connect(database_url, write=False)
    found.reflect(engine)
    engine.dispose()
    return found


def _row(table: Table) -> dict[str, Any]:
    """Something in every column, as that revision has them."""
    naive = {datetime: datetime(2026, 3, 1, 12, 30, 15, 250)}  # noqa: DTZ001  what SQLite itself keeps
    values = VALUES | naive if "sqlite" in type(table.c[0].type).__module__ else VALUES
    return {column.name: values[column.type.python_type] for column in table.columns}


def _rows(database_url: str, columns: dict[str, list[str]]) -> Rows:
    """Every row of these tables, by these columns."""
    engine, there = connect(database_url, write=False), _reflected(database_url)
    with engine.connect() as connection:
        found = {
            name: [
                dict(row) for row in connection.execute(select(*(there.tables[name].c[c] for c in names))).mappings()
            ]
            for name, names in columns.items()
        }
    engine.dispose()
    return found


def _filled(database_url: str, revision: str) -> dict[str, list[str]]:
    """A database at that revision with a row in every table; returns its columns."""
    migrate(database_url, revision)
    there, engine = _reflected(database_url), connect(database_url, write=True)
    kept = {name: table for name, table in there.tables.items() if name != "alembic_version"}
    with engine.begin() as connection:
        for table in kept.values():
            connection.execute(table.insert().values(_row(table)))
    engine.dispose()
    return {name: [column.name for column in table.columns] for name, table in kept.items()}


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_survive_from_every_revision(empty_url: str, revision: str) -> None:
    """A ledger of any past release comes up to this one with every row and value it had."""
    columns = _filled(empty_url, revision)
    before = _rows(empty_url, columns)

    migrate(empty_url)

    assert _rows(empty_url, columns) == before
    assert all(len(rows) == 1 for rows in before.values())
    assert version(empty_url) == HEAD


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_way_up_has_one_end(empty_url: str, revision: str) -> None:
    """Tables, columns and indexes are those of the models, whatever the ledger began as."""
    migrate(empty_url, revision)
    migrate(empty_url)

    engine = connect(empty_url, write=False)
    look = inspect(engine)
    there = {name: {index["name"] for index in look.get_indexes(name)} for name in SQLModel.metadata.tables}
    engine.dispose()
    unique = {"job": {index for index in there["job"] if "idempotency" in str(index)}}
    wanted = {name: {str(i.name) for i in table.indexes} for name, table in SQLModel.metadata.tables.items()}
    assert {name: found - unique.get(name, set()) for name, found in there.items()} == wanted


@pytest.mark.parametrize("revision", [each for each in REVISIONS if each != HEAD])
def test_an_older_schema_is_refused(empty_url: str, revision: str) -> None:
    """A process does not start on the schema of an older release; it says so, with the mend."""
    migrate(empty_url, revision)

    with pytest.raises(Misconfigured, match=rf"older schema {revision}.*needs {HEAD}.*proofhook migrate"):
        Ledger(empty_url)


def test_a_server_without_schema_is_refused(postgres_empty: str) -> None:
    """A server's database is migrated by `proofhook migrate`, not by whichever process starts first."""
    with pytest.raises(Misconfigured, match="no schema yet; run `proofhook migrate`"):
        check_schema(postgres_empty)


def test_migrating_at_once_is_migrating_once(empty_url: str) -> None:
    """Eight at once: each waits for its turn, nobody fails, and nothing is done twice."""
    said: list[str] = []
    together = threading.Barrier(8)

    def one() -> None:
        together.wait(20)
        said.append(migrate(empty_url))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert said == [HEAD] * 8
    assert version(empty_url) == HEAD


def test_open_means_below_expired() -> None:
    """Indexes of jobs without an end, or not sent, say a number where the code says a Standing: they are the same."""
    assert str(tables.OPEN) == f"standing < {int(Standing.EXPIRED)}"
    assert str(tables.UNSENT) == f"send_at IS NOT NULL AND standing = {int(Standing.PENDING)}"
