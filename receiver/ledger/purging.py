"""Purging: what people wrote and what came is emptied, job by job; what it was sealed as stays.

In four steps, each a transaction, so that whoever dies between them has lost no evidence: `announce` writes the purge
down and queues it to be sealed; only when it is sealed, `empty` takes the values out of the rows and the salts out of
the trail (what was committed to can never be guessed then); then files go, and `done` says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, func, select, update

from receiver.ledger import tables, trail, trail_reading
from receiver.ledger.names import ref_of
from receiver.ledger.news import announce as tell
from receiver.ledger.purgeable import CHUNK, Ended, told
from receiver.ledger.rows import insert_new, one
from receiver.ledger.trail_tables import trail as entries

EMPTY: Mapping[str, Mapping[str, Any]] = {
    "order": {"idempotency_key": None, "order_json": {}, "order_digest": "", "params": {}, "tags": {}},
    "end": {"error_message": None, "links": {}},
    "delivery": {"headers": b"", "body_sha256": ""},
    "image": {"url": None, "seed": None},
}
"""Kind of entry → its hidden columns, and what stands in them after a purge."""
_ALSO: Mapping[str, Mapping[str, Any]] = {
    "delivery": {"body": None},
    "image": {"staged_sha256": None, "staged_by": None},
}
"""What goes with them, and was never sealed as such: a body is sealed by its hash."""


def announce(connection: Connection, jobs: Iterable[Ended], kept: Iterable[str], now: datetime, why: str) -> None:
    """Write down that these jobs are purged, and have that sealed. `kept`: files that others need."""
    stay, ids = frozenset(kept), []
    for job in sorted(jobs, key=lambda each: each.id):
        files = job.files - stay
        facts = {"purged_at": now, "files": len(files), "why": why, "pending": " ".join(sorted(files))}
        if not insert_new(connection, tables.purge, {"job_id": job.id, **facts}):
            connection.execute(update(tables.purge).where(tables.purge.c.job_id == job.id).values(facts))
        ids.append(job.id)
    trail.queue(connection, "purge", ids)
    tell(connection)


def unfinished(connection: Connection) -> list[str]:
    """Jobs whose purge was written down, and did not come to its end."""
    purge = tables.purge.c
    return list(connection.execute(select(purge.job_id).where(tables.PENDING).order_by(purge.job_id)).scalars())


def empty(connection: Connection, job_ids: Sequence[str], now: datetime) -> dict[str, frozenset[str]]:
    """Empty the rows of those whose purge is sealed behind all else of them, and of which nothing waits to be.

    Returns these with the files that may go. Where something was sealed behind it, the purge is to be sealed anew.
    Safe to do again.
    """
    ids = sorted(job_ids)  # in the order in which everybody locks jobs
    rows = {job_id: one(connection, tables.job, lock=True, id=job_id) for job_id in ids}
    names = {job_id: _names(connection, job_id) for job_id in ids if rows[job_id] is not None}
    waiting = trail_reading.queued(connection)  # after the names: what came in between is not among them
    sealed = [job_id for job_id in names if _is_sealed(connection, job_id, names[job_id], waiting)]
    ready = [job_id for job_id in sealed if _is_last(connection, job_id, names[job_id])]
    if late := sorted({*sealed} - {*ready}):
        connection.execute(update(tables.purge).where(tables.purge.c.job_id.in_(late)).values(purged_at=now))
        trail.queue(connection, "purge", late)
        tell(connection)
    with _overwriting(connection):
        return {job_id: _emptied(connection, job_id, names[job_id]) for job_id in ready}


def _is_sealed(
    connection: Connection, job_id: str, names: Mapping[str, Sequence[str]], waiting: Mapping[str, set[str]]
) -> bool:
    """Whether the purge is in the trail, and all that there is of the job."""
    purged = exists().where(entries.c.kind == "purge", entries.c.ref == job_id)
    if job_id in waiting.get("purge", ()) or not connection.execute(select(purged)).scalar():
        return False
    return not any(ref in waiting.get(kind, ()) for kind, refs in names.items() for ref in refs)


def _is_last(connection: Connection, job_id: str, names: Mapping[str, Sequence[str]]) -> bool:
    """Whether no entry of the job that has a salt stands behind its purge."""
    place = select(func.max(entries.c.n)).where(entries.c.kind == "purge", entries.c.ref == job_id)
    behind = and_(entries.c.n > place.scalar_subquery(), entries.c.salt != b"")
    for kind, refs in names.items():
        for start in range(0, len(refs), CHUNK):
            mine = and_(entries.c.kind == kind, entries.c.ref.in_(refs[start : start + CHUNK]))
            if connection.execute(select(entries.c.n).where(mine, behind).limit(1)).first():
                return False
    return True


@contextmanager
def _overwriting(connection: Connection) -> Iterator[None]:
    """In a file, what is freed is overwritten, too."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA secure_delete").scalar()
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA secure_delete = {int(before or 0)}")


def _emptied(connection: Connection, job_id: str, names: Mapping[str, Sequence[str]]) -> frozenset[str]:
    [held] = told(connection, select(tables.job).where(tables.job.c.id == job_id))
    purge = one(connection, tables.purge, job_id=job_id) or {}
    files = held.files | frozenset(str(purge.get("pending") or "").split())
    job, delivery, image = tables.job, tables.delivery, tables.image
    connection.execute(
        update(tables.purge).where(tables.purge.c.job_id == job_id).values(pending=" ".join(sorted(files)))
    )
    connection.execute(update(job).where(job.c.id == job_id).values({**EMPTY["order"], **EMPTY["end"]}))
    for start in range(0, len(names["delivery"]), CHUNK):
        mine = delivery.c.id.in_(names["delivery"][start : start + CHUNK])
        connection.execute(update(delivery).where(mine).values({**EMPTY["delivery"], **_ALSO["delivery"]}))
    connection.execute(update(image).where(image.c.job_id == job_id).values({**EMPTY["image"], **_ALSO["image"]}))
    connection.execute(tables.task.delete().where(tables.task.c.job_id == job_id))
    for kind, refs in names.items():
        for start in range(0, len(refs), CHUNK):
            mine = and_(entries.c.kind == kind, entries.c.ref.in_(refs[start : start + CHUNK]))
            connection.execute(update(entries).where(mine).values(salt=b""))
    return files


def done(connection: Connection, job_ids: Sequence[str]) -> None:
    """Their files are gone."""
    connection.execute(update(tables.purge).where(tables.purge.c.job_id.in_(job_ids)).values(pending=None))


def _names(connection: Connection, job_id: str) -> dict[str, list[str]]:
    """What of the job has hidden columns, by its names in the trail."""
    image, delivery = tables.image.c, tables.delivery.c
    deliveries = list(connection.execute(select(delivery.id).where(delivery.job_id == job_id)).scalars())
    images = connection.execute(select(image.key).where(image.job_id == job_id)).scalars()
    return {
        "order": [job_id], "end": [job_id], "delivery": deliveries,
        "image": [ref_of(job_id, key) for key in images],
    }  # fmt: skip
