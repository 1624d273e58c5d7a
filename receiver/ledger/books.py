"""Where `record` reads and writes: the same few statements for a whole batch, on each backend."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from receiver.ledger import columns
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.batch import Batch, Row

TIMESTAMP = 26
"""Characters of `YYYY-MM-DD hh:mm:ss.ffffff`, without the zone."""


class Books(Protocol):
    """One connection, in one transaction at a time."""

    def load(self, job_ids: Sequence[str]) -> Batch:
        """The rows of these jobs, held until COMMIT."""

    def flush(self, batch: Batch) -> None:
        """Write what changed."""


def record_all(books: Books, arrivals: Sequence[Arrival]) -> list[Recorded]:
    """Apply arrivals in order inside the transaction that `books` is in: each a delivery → match → climb."""
    batch = books.load([job_id for job_id in {arrival.delivery.job_id: None for arrival in arrivals} if job_id])
    results = [batch.record(arrival) for arrival in arrivals]
    books.flush(batch)
    return results


def _insert(table: str, names: Iterable[str], more: str = "") -> str:
    names = list(names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}){more}"  # noqa: S608  our own names


def _update(table: str, names: Iterable[str], keys: Iterable[str]) -> str:
    assigned = ", ".join(f"{name} = ?" for name in names)
    return f"UPDATE {table} SET {assigned} WHERE {' AND '.join(f'{key} = ?' for key in keys)}"  # noqa: S608  our own names


_AMONG = "job_id IN (SELECT value FROM json_each(?))"
# Parsing the parameters of every job for what few of them hold costs more than a look for the word.
_TTL = """CASE WHEN instr(params, '"ttl"') THEN json_extract(params, '$.ttl') END"""
_JOBS = (
    f"SELECT {', '.join(columns.JOB_READ)}, {_TTL} FROM job "  # noqa: S608  our own names
    "WHERE id IN (SELECT value FROM json_each(?))"
)
_EVENTS = f"SELECT job_id, event_id, delivery_id, cost_usd FROM event WHERE {_AMONG}"  # noqa: S608  our own names
_IMAGES = f"SELECT {', '.join(columns.IMAGE)} FROM image WHERE {_AMONG}"  # noqa: S608  our own names
_TASKS = f"SELECT {', '.join(columns.TASK)} FROM task WHERE {_AMONG}"  # noqa: S608  our own names
_SAID = "UPDATE delivery SET repeats = repeats + 1 WHERE job_id = ? AND verdict = ? AND body_sha256 = ?"
_REPEAT = "UPDATE delivery SET repeats = repeats + 1 WHERE id = ?"
_KEY = _insert("key", columns.KEY, " ON CONFLICT DO NOTHING")
_DELIVERY = _insert("delivery", columns.DELIVERY)
_EVENT = _insert("event", columns.EVENT)
_IMAGE = _insert("image", columns.IMAGE_FRESH)
_TASK = _insert("task", columns.TASK_FRESH)
_UNSEALED = _insert("unsealed", columns.UNSEALED)
_JOB_UPDATE = _update("job", columns.JOB_WRITE, ["id"])
_JOB_ADOPTED = _update("job", columns.JOB_ADOPTED, ["id"])
_IMAGE_UPDATE = _update("image", columns.IMAGE_WRITE, ["job_id", "key"])
_TASK_UPDATE = _update("task", columns.TASK_WRITE, ["job_id", "image_key"])


class SqliteBooks:
    """Books in a SQLite file. Times are text as SQLAlchemy writes them for DateTime, in UTC."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @staticmethod
    def moment(at: datetime) -> str:
        """Raises ValueError for a naive time: nobody could say what it means."""
        if at.tzinfo is None:
            raise ValueError("a time in the ledger must carry its zone")
        return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(" ", "microseconds")[:TIMESTAMP]

    def load(self, job_ids: Sequence[str]) -> Batch:
        among = (json.dumps(job_ids),)
        names = (*columns.JOB_READ, "ttl")
        jobs = {row[0]: dict(zip(names, row, strict=True)) for row in self._db.execute(_JOBS, among)}
        events: dict[str, dict[str, tuple[str, str | None]]] = {}
        for job_id, event_id, delivery_id, cost in self._db.execute(_EVENTS, among):
            events.setdefault(job_id, {})[event_id] = (delivery_id, cost)
        images: dict[str, dict[str, Row]] = {}
        for row in self._db.execute(_IMAGES, among):
            images.setdefault(row[0], {})[row[1]] = dict(zip(columns.IMAGE, row, strict=True))
        tasks = {}
        if images:
            tasks = {row[:2]: dict(zip(columns.TASK, row, strict=True)) for row in self._db.execute(_TASKS, among)}
        return Batch(self.moment, jobs, events, images, tasks, self._said_before)

    def _said_before(self, job_id: str, verdict: str, body_sha256: str) -> bool:
        return self._db.execute(_SAID, (job_id, verdict, body_sha256)).rowcount > 0

    def flush(self, batch: Batch) -> None:
        many = self._db.executemany
        many(_KEY, [columns.key_row(key, self.moment) for key in batch.public_keys()])
        many(_DELIVERY, [columns.delivery_row(*each, self.moment) for each in batch.deliveries])
        many(_EVENT, batch.fresh_events)
        many(_IMAGE, map(columns.image_fresh, batch.fresh_images.values()))
        many(_TASK, map(columns.task_fresh, batch.fresh_tasks.values()))
        many(_JOB_UPDATE, map(columns.job_written, batch.changed_jobs.values()))
        many(_JOB_ADOPTED, [columns.job_adopted(batch.jobs[job_id]) for job_id in batch.adopted])
        many(_IMAGE_UPDATE, map(columns.image_written, batch.changed_images.values()))
        many(_TASK_UPDATE, map(columns.task_written, batch.changed_tasks.values()))
        many(_UNSEALED, batch.evidence())
        many(_REPEAT, [(delivery_id,) for delivery_id in batch.repeated])
