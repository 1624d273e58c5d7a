"""Where the ledger is and whether its schema is ours, told without SQLAlchemy; and that a web process stays without."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from receiver.errors import Misconfigured
from receiver.ledger.database import address
from receiver.ledger.glance import HEAD, is_current, sqlite_file
from receiver.ledger.schema import check_schema, migrate
from tests.submitter.processes import ROOT

SLOW = (
    "sqlalchemy", "sqlmodel", "alembic", "starlette.applications", "jinja2", "httpx", "PIL", "h11", "websockets",
    "c2pa", "rfc3161_client", "prometheus_client", "receiver.api", "receiver.pages",
)  # fmt: skip
"""Packages that taking a callback needs nothing of."""
START = """
import json, os, sys
from receiver.app import create_app
from receiver.settings import Settings
create_app(Settings(_env_file=None, database_url=sys.argv[1], storage_url=sys.argv[2], admin_token="a" * 32,
                    proofhook_secret="s" * 32))
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///proofhook.db", Path("proofhook.db")),
        ("sqlite:////var/lib/proofhook.db", Path("/var/lib/proofhook.db")),
        ("sqlite:///a folder/with%20it.db", Path("a folder/with it.db")),
        ("postgres://u:p@host/db", None),
        ("postgresql://u:p@host:5432/db?sslmode=require", None),
        ("sqlite:////x#y.db", Path("/x#y.db")),
    ],
)
def test_the_file_is_the_one_that_sqlalchemy_would_open(url: str, file: Path | None) -> None:
    """What is told at a glance is what SQLAlchemy makes of the same URL."""
    assert sqlite_file(url) == file
    known = address(url)
    assert (Path(known.database or "") if known.drivername == "sqlite" else None) == file


@pytest.mark.parametrize(
    "url", ["", "proofhook.db", "sqlite://", "sqlite:///:memory:", "sqlite:///a?b=1", "mysql://h/d"]
)
def test_what_is_not_durable_is_refused(url: str) -> None:
    """A database in memory, one we do not know, and what is no URL at all: the mend is in the message."""
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        sqlite_file(url)


def test_only_a_file_of_this_release_is_current(tmp_path: Path) -> None:
    """No file, no schema, an older one, junk: each means to look closer, and none is made or changed by looking."""
    file = tmp_path / "ledger.db"
    assert not is_current(file)
    assert not file.exists()
    url = f"sqlite:///{file}"
    migrate(url, "0001")
    assert not is_current(file)
    migrate(url)
    assert is_current(file)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    assert not is_current(file)
    file.write_bytes(b"no database" * 100)
    assert not is_current(file)
    assert HEAD != "9999"


def test_a_web_process_starts_without_what_only_pages_and_workers_need(tmp_path: Path) -> None:
    """On a file that is current, what takes callbacks imports no SQLAlchemy, no pages and no HTTP client."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    check_schema(url)
    told = subprocess.run(
        [sys.executable, "-c", START, url, f"file:{tmp_path}/images"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    loaded = set(json.loads(told.stdout))
    assert "receiver.app" in loaded
    assert loaded.isdisjoint(SLOW)
