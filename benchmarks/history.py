"""A ledger with a long past: millions of jobs that were delivered, each with its delivery, event and image.

One job is taken down the real road first; its rows are then multiplied in SQL, whatever columns they have. Ids are
spread over the whole range of a UUID, so that new ones fall between old ones as they do in life; they are written
in two sweeps, so that the pages of the indexes are as full as grown ones (an ascending sweep alone leaves them
full to the brim, and every later insert would split one). Bodies are cut: their pages are never touched again.
"""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.road_once import JOB, deliver_one

TABLES = ("job", "delivery", "event", "image")
IDS = {"id", "job_id", "request_id", "event_id", "delivery_id"}
FAST = ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "locking_mode=EXCLUSIVE", "temp_store=MEMORY")


def make(template: Path, file: Path, count: int) -> None:
    shutil.copy(template, file)
    deliver_one(f"sqlite:///{file}")
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in FAST:
        connection.execute(f"PRAGMA {pragma}")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL"
    ).fetchall()
    connection.execute("BEGIN")
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    for table in TABLES:
        for parity in (0, 1):
            _multiply(connection, table, count, parity)
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _multiply(connection: sqlite3.Connection, table: str, count: int, parity: int) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    key = "id" if table in {"job", "delivery"} else "job_id"
    like = f"(SELECT * FROM {table} WHERE {key} = ?)"  # noqa: S608  names of our own
    values = ", ".join(_value(table, column, count) for column in columns)
    counted = f"SELECT {parity} UNION ALL SELECT i + 2 FROM n WHERE i + 2 < {count}"  # noqa: S608
    numbers = f"WITH RECURSIVE n(i) AS ({counted})"
    named = ", ".join(f'"{column}"' for column in columns)
    sql = f"INSERT INTO {table} ({named}) {numbers} SELECT {values} FROM n, {like} t"  # noqa: S608
    connection.execute(sql, (_one(connection, table),))


def _one(connection: sqlite3.Connection, table: str) -> str:
    """The key of the row that is multiplied."""
    if table != "delivery":
        return JOB
    found: str = connection.execute("SELECT id FROM delivery WHERE job_id = ?", (JOB,)).fetchone()[0]
    return found


def _value(table: str, column: str, count: int) -> str:
    spread = f"printf('%08x-0000-4000-8000-%012x', i * {2**32 // count}, i)"
    if column in IDS and (table, column) != ("delivery", "id"):
        return {"event_id": f"{spread} || ':succeeded:0'", "delivery_id": _before()}.get(column, spread)
    if (table, column) == ("delivery", "id"):
        return _before()
    if (table, column) == ("delivery", "received_at"):
        return f"'{datetime.now(UTC).year - 1}' || substr(t.received_at, 5)"
    if column in {"order_json", "params"}:
        return "'{}'"
    if column in {"body", "headers"}:
        return f'substr(t."{column}", 1, 64)'
    return f't."{column}"'


def _before() -> str:
    """A UUID version 7 of a year ago on: deliveries are named in the order in which they came."""
    year_ago = int((datetime.now(UTC).timestamp() - 365 * 86400) * 1000)
    hexed = f"printf('%012x', {year_ago} + i)"
    return f"substr({hexed}, 1, 8) || '-' || substr({hexed}, 9) || printf('-7000-8000-%012x', i)"
