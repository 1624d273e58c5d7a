"""What makes a SQLite connection durable and quick; the same for every connection of ours."""

import sqlite3

PRAGMAS = (
    "page_size=8192",
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-16384",
    "temp_store=MEMORY",
    # 64 MiB of log: long before, `folding` has copied it; a commit does it only where that cannot keep up
    "wal_autocheckpoint=8192",
)


def apply(connection: sqlite3.Connection, busy_milliseconds: int) -> None:
    """Set the pragmas; the connection must be outside a transaction."""
    cursor = connection.cursor()
    # busy_timeout first: switching to WAL takes a lock, and without a timeout a second process fails to start
    for pragma in (f"busy_timeout={busy_milliseconds}", *PRAGMAS):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
