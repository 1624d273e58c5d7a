"""Books on PostgreSQL: rows go over as arrays, one statement for each table, all of a batch in one round trip."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg

from receiver.ledger import columns
from receiver.ledger.batch import Batch, Row
from receiver.ledger.news import ANNOUNCE

Rows = psycopg.Connection[tuple[Any, ...]]

_TYPES = {
    "n": "int", "attempts": "int", "repeats": "int", "standing": "int", "body_bytes": "bigint", "headers": "bytea",
    "body": "bytea", "public": "bytea", "received_at": "timestamptz", "signed_at": "timestamptz",
    "recorded_at": "timestamptz", "announced_at": "timestamptz", "expires_at": "timestamptz", "due_at": "timestamptz",
    "dead_at": "timestamptz", "submitted_at": "timestamptz", "finished_at": "timestamptz",
    "delivered_at": "timestamptz", "ask_at": "timestamptz", "seen_at": "timestamptz",
}  # fmt: skip
"""Of a column that is no text."""


def _arrays(names: Iterable[str]) -> str:
    """Binary: as text a body of 2 KB alone takes psycopg 40 µs, in binary 0.3."""
    return ", ".join(f"%b::{_TYPES.get(name, 'text')}[]" for name in names)


def _insert(table: str, names: Sequence[str], more: str = "") -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM unnest({_arrays(names)}){more}"  # noqa: S608  our own names


def _update(table: str, names: Sequence[str], keys: Sequence[str]) -> str:
    assigned = ", ".join(f"{name} = new.{name}" for name in names)
    same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
    given = f"unnest({_arrays((*names, *keys))}) AS new ({', '.join((*names, *keys))})"
    return f"UPDATE {table} AS old SET {assigned} FROM {given} WHERE {same}"  # noqa: S608  our own names


# In the order of their ids, so that two processes never wait for each other in a ring.
_JOBS = (
    f"SELECT {', '.join(columns.JOB_READ)}, "  # noqa: S608  our own names
    "CASE json_typeof(params -> 'ttl') WHEN 'number' THEN trunc((params ->> 'ttl')::numeric)::text END "
    "FROM job WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
)
_EVENTS = "SELECT job_id, event_id, delivery_id, cost_usd FROM event WHERE job_id = ANY(%s)"
_IMAGES = f"SELECT {', '.join(columns.IMAGE)} FROM image WHERE job_id = ANY(%s)"  # noqa: S608  our own names
_TASKS = f"SELECT {', '.join(columns.TASK)} FROM task WHERE job_id = ANY(%s)"  # noqa: S608  our own names
_SAID = "UPDATE delivery SET repeats = repeats + 1 WHERE job_id = %s AND verdict = %s AND body_sha256 = %s"
_REPEAT = "UPDATE delivery SET repeats = repeats + 1 WHERE id = ANY(%s)"
_KEY = _insert("key", columns.KEY, " ON CONFLICT DO NOTHING")
_DELIVERY = _insert("delivery", columns.DELIVERY)
_EVENT = _insert("event", columns.EVENT)
_IMAGE = _insert("image", columns.IMAGE_FRESH)
_TASK = _insert("task", columns.TASK_FRESH)
_UNSEALED = _insert("unsealed", columns.UNSEALED)
_JOB_UPDATE = _update("job", columns.JOB_WRITE, ("id",))
_JOB_ADOPTED = _update("job", columns.JOB_ADOPTED, ("id",))
_IMAGE_UPDATE = _update("image", columns.IMAGE_WRITE, ("job_id", "key"))
_TASK_UPDATE = _update("task", columns.TASK_WRITE, ("job_id", "image_key"))


class PostgresBooks:
    """Books on a server. Times are aware datetimes. `commits`: COMMIT goes along with what is flushed."""

    def __init__(self, connection: Rows, *, commits: bool = False) -> None:
        self._db = connection
        self._commits = commits

    @staticmethod
    def moment(at: datetime) -> datetime:
        """Raises ValueError for a naive time: nobody could say what it means."""
        if at.tzinfo is None:
            raise ValueError("a time in the ledger must carry its zone")
        return at

    def load(self, job_ids: Sequence[str]) -> Batch:
        among = (list(job_ids),)
        with self._db.pipeline():
            jobs, events, images, tasks = (
                self._db.execute(query, among, binary=True) for query in (_JOBS, _EVENTS, _IMAGES, _TASKS)
            )
        known: dict[str, dict[str, tuple[str, str | None]]] = {}
        for job_id, event_id, delivery_id, cost in events:
            known.setdefault(job_id, {})[event_id] = (delivery_id, cost)
        held: dict[str, dict[str, Row]] = {}
        for row in images:
            held.setdefault(row[0], {})[row[1]] = dict(zip(columns.IMAGE, row, strict=True))
        due = {(row[0], row[1]): dict(zip(columns.TASK, row, strict=True)) for row in tasks}
        return Batch(self.moment, {row[0]: _job(row) for row in jobs}, known, held, due, self._said_before)

    def _said_before(self, job_id: str, verdict: str, body_sha256: str) -> bool:
        return self._db.execute(_SAID, (job_id, verdict, body_sha256)).rowcount > 0

    def flush(self, batch: Batch) -> None:
        with self._db.pipeline():
            self._many(
                _KEY, sorted(columns.key_row(key, self.moment) for key in batch.public_keys())
            )  # one order for all
            self._many(_DELIVERY, [columns.delivery_row(*each, self.moment) for each in batch.deliveries])
            self._many(_EVENT, batch.fresh_events)
            self._many(_IMAGE, [columns.image_fresh(row) for row in batch.fresh_images.values()])
            self._many(_TASK, [columns.task_fresh(row) for row in batch.fresh_tasks.values()])
            self._many(_JOB_UPDATE, [columns.job_written(row) for row in batch.changed_jobs.values()])
            self._many(_JOB_ADOPTED, [columns.job_adopted(batch.jobs[job_id]) for job_id in batch.adopted])
            self._many(_IMAGE_UPDATE, [columns.image_written(row) for row in batch.changed_images.values()])
            self._many(_TASK_UPDATE, [columns.task_written(row) for row in batch.changed_tasks.values()])
            self._many(_UNSEALED, batch.evidence())
            for delivery_id in batch.repeated:
                self._db.execute(_REPEAT, ([delivery_id],))
            if batch.deliveries:
                self._db.execute(ANNOUNCE.encode())
            if self._commits:
                self._db.commit()

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._db.execute(statement, [list(column) for column in zip(*rows, strict=True)], prepare=True)


def _job(row: tuple[Any, ...]) -> Row:
    ttl = row[-1]
    return dict(zip(columns.JOB_READ, row, strict=False)) | {"ttl": int(ttl) if ttl is not None else None}
