"""What can be told of DATABASE_URL at a glance, without SQLAlchemy, which takes longer to import than all the rest.

A web process that only takes callbacks never needs it: it starts in half the time and half the memory.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from receiver.errors import Misconfigured

HEAD = "0007"
"""The revision of the schema that this release works on."""
SQLITE, SERVERS = "sqlite:///", ("postgres:", "postgresql:")
SECONDS = 1.0
"""How long a look at a file may wait for whoever is writing it."""


def sqlite_file(database_url: str) -> Path | None:
    """The file behind a SQLite URL; None for a database server. Raises Misconfigured for anything else."""
    if database_url.startswith(SQLITE):
        name = unquote(database_url.removeprefix(SQLITE))
        if name and "?" not in database_url and name != ":memory:":
            return Path(name)
    elif database_url.startswith(SERVERS):
        return None
    elif "://" not in database_url:
        raise Misconfigured("DATABASE_URL is no URL; write sqlite:///proofhook.db or postgresql://…")
    raise Misconfigured("DATABASE_URL must be sqlite:///FILE or postgresql://…; nothing else is durable here")


def is_current(file: Path) -> bool:
    """Whether the file is there, can be written, and has this release's schema. False says only: look closer."""
    if not (os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK)):
        return False
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=SECONDS)) as looking:
            return bool(looking.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)])
    except sqlite3.Error:
        return False
