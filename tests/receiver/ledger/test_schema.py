"""The schema's version: made on a first start, migrated safely, refused when it is another release's."""

import fcntl
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from receiver.errors import Misconfigured
from receiver.ledger import tables, trail_tables
from receiver.ledger.database import connect
from receiver.ledger.glance import HEAD, sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.ledger.schema import MIGRATIONS, check_schema, migrate, version

TRAIL = {
    table.name for table in (trail_tables.unsealed, trail_tables.trail, trail_tables.tile, trail_tables.checkpoint)
}

ROOT = Path(__file__).parents[3]


def _stamp(database_url: str, revision: str) -> None:
    engine = connect(database_url, write=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": revision})
    engine.dispose()


def test_a_first_start_makes_the_schema(sqlite_url: str) -> None:
    """An empty SQLite file is given the present schema; a second start finds it."""
    before = version(sqlite_url)

    check_schema(sqlite_url)
    check_schema(sqlite_url)

    assert (before, version(sqlite_url)) == (None, HEAD)


def test_migrating_twice_is_migrating_once(database_url: str) -> None:
    """`proofhook migrate` may be run again, and keeps the rows."""
    first = migrate(database_url)
    engine = connect(database_url, write=True)
    with engine.begin() as connection:
        connection.execute(tables.key.insert().values(fingerprint="f", key_id="k", kind="hmac", source=""))

    second = migrate(database_url)

    with engine.connect() as connection:
        kept = connection.execute(tables.key.select()).all()
    engine.dispose()
    assert (first, second, len(kept)) == (HEAD, HEAD, 1)


def test_four_processes_may_start_at_once(sqlite_url: str) -> None:
    """Whatever starts first makes the schema, and nobody fails."""
    command = [sys.executable, "-m", "tests.receiver.ledger.killed", "start", sqlite_url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    processes = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[0] for process in processes]

    assert said == ["started\n"] * 4
    assert version(sqlite_url) == HEAD


def test_a_start_waits_for_its_turn(sqlite_url: str) -> None:
    """Two may not open a new file at once (SQLite refuses one of them, now and then): the later start waits."""
    file = sqlite_file(sqlite_url)
    assert file is not None
    start = threading.Thread(target=check_schema, args=(sqlite_url,))
    with file.with_name(file.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        start.start()
        start.join(0.3)  # a start that does not wait is over by then; one that does cannot be
        waited = start.is_alive() and not file.exists()
    start.join(30)

    assert waited
    assert version(sqlite_url) == HEAD


@pytest.mark.parametrize("use", [check_schema, migrate, version])
def test_a_folder_that_cannot_be_written_is_named(sqlite_url: str, use: Callable[[str], object]) -> None:
    """Where the lock cannot be made neither can the database: a wrong setting, not an OSError."""
    file = sqlite_file(sqlite_url)
    assert file is not None
    file.with_name(file.name + ".lock").mkdir()

    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        use(sqlite_url)


def test_head_is_the_newest_revision() -> None:
    """The constant that every start compares with is the newest migration, and there is one line of them."""
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]
    assert max(path.name for path in (MIGRATIONS / "versions").glob("*.py")).startswith(f"{HEAD}_")


def test_models_are_what_migrations_make(engine: Engine) -> None:
    """Alembic finds nothing to do: the tables in Python are the tables in the database."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, SQLModel.metadata)
        there = set(inspect(connection).get_table_names()) - {"alembic_version"}

    assert found == []
    assert there == set(SQLModel.metadata.tables)
    assert {"job", "delivery", *TRAIL} <= there


@pytest.mark.parametrize("revision", ["9999", "0000", "junk"])
def test_another_releases_schema_is_refused(database_url: str, revision: str) -> None:
    """A newer or unknown schema is not touched: neither a start nor `migrate` works on it, and both say why."""
    migrate(database_url)
    _stamp(database_url, revision)

    for start in (check_schema, Ledger, migrate):
        with pytest.raises(Misconfigured, match="DATABASE_URL"):
            start(database_url)
    assert version(database_url) == revision


def test_the_refusal_names_both_revisions_and_the_mend(database_url: str) -> None:
    """Whoever reads it knows what to do."""
    migrate(database_url)
    _stamp(database_url, "9999")

    with pytest.raises(Misconfigured, match=rf"newer schema 9999.*needs {HEAD}.*run the newest"):
        check_schema(database_url)


def test_a_migration_that_breaks_leaves_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Migrations run in one transaction: one that fails halfway leaves the schema of before."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    broken = (
        f'from alembic import op\nrevision, down_revision = "9999", "{HEAD}"\n'
        'def upgrade():\n    op.execute("CREATE TABLE half (x TEXT)")\n    op.execute("nonsense")\n'
    )
    (folder / "versions" / "9999_broken.py").write_text(broken)
    migrate(database_url)
    monkeypatch.setattr("receiver.ledger.schema.MIGRATIONS", folder)

    with pytest.raises(Misconfigured, match=r"DATABASE_URL.*nonsense"):
        migrate(database_url)

    engine = connect(database_url, write=False)
    with engine.connect() as connection:
        assert not inspect(connection).has_table("half")
    engine.dispose()
    assert version(database_url) == HEAD


def test_a_folder_name_may_hold_a_percent_sign(tmp_path: Path) -> None:
    """Alembic's configuration expands `%`; a path must not trip over it."""
    url = f"sqlite:///{tmp_path}/100%/ledger.db"

    check_schema(url)

    assert sqlite_file(url) == tmp_path / "100%" / "ledger.db"
