"""Which jobs may be purged, and which files go with them: what nobody else needs."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, cast, exists, func, or_, select, type_coerce

from receiver.errors import BadOrder, NoSuchJob
from receiver.ledger import tables
from receiver.ledger.rows import one
from receiver.ledger.rules import Standing

CHUNK = 500
"""Names in one query."""
_NAMED = re.compile(r'"sha256": ?"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that may be purged, with the files that it refers to (SHA-256)."""

    id: str
    provider: str
    status: str
    ended_at: datetime
    files: frozenset[str]


def due(connection: Connection, before: datetime, limit: int) -> list[Ended]:
    """Jobs that ended before that time, and of which nothing came since; not those that are purged already."""
    job, delivery, purge = tables.job.c, tables.delivery.c, tables.purge.c
    lately = exists().where(delivery.job_id == job.id, delivery.received_at >= before)
    purged = exists().where(purge.job_id == job.id, ~_came_since())
    query = select(tables.job).where(job.created_at < before, _ended(), _end() < before, ~purged, ~lately)
    return told(connection, query.order_by(job.created_at, job.id).limit(limit))


def named(connection: Connection, job_ids: Sequence[str]) -> list[Ended]:
    """These jobs. Raises NoSuchJob for one that is not there, BadOrder for one that has not ended, or is purged."""
    job, purge = tables.job.c, tables.purge.c
    found = {each.id: each for each in told(connection, select(tables.job).where(job.id.in_(job_ids), _ended()))}
    again = select(purge.job_id).where(purge.job_id.in_(job_ids), ~_came_since())
    done = set(connection.execute(again).scalars())
    for job_id in job_ids:
        if one(connection, tables.job, id=job_id) is None:
            raise NoSuchJob(f"there is no job {job_id}")
        if job_id not in found:
            raise BadOrder(f"job {job_id} has not ended yet, or its images are still being collected")
        if job_id in done:
            raise BadOrder(f"job {job_id} is purged already")
    return [found[job_id] for job_id in job_ids]


def needed(connection: Connection, files: Iterable[str], apart_from: Iterable[str] = ()) -> set[str]:
    """Of these files those that any job refers to which is neither purged nor among `apart_from`."""
    wanted, apart = sorted(files), list(apart_from)
    job, image, task, delivery = tables.job.c, tables.image.c, tables.task.c, tables.delivery.c
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        staged = tables.task.join(tables.image, and_(task.job_id == image.job_id, task.image_key == image.key))
        for query in (
            select(image.sha256).where(
                tables.STORED, image.sha256.in_(some), _kept(image.job_id, image.stored_at, apart)
            ),
            select(image.staged_sha256)
            .select_from(staged)
            .where(image.staged_sha256.in_(some), ~image.job_id.in_(apart)),
            select(delivery.body_sha256).where(
                tables.SPILLED, delivery.body_sha256.in_(some), _kept(delivery.job_id, delivery.received_at, apart)
            ),
        ):
            found |= set(connection.execute(query).scalars())
    order = type_coerce(job.order_json, String) if connection.dialect.name == "sqlite" else cast(job.order_json, String)
    inputs = select(order).where(order.like('%"sha256"%'), _kept(job.id, job.created_at, apart))
    if wanted:
        for text in connection.execute(inputs.execution_options(yield_per=CHUNK)).scalars():
            found |= set(_NAMED.findall(text)).intersection(wanted)
    return found


def told(connection: Connection, query: Any) -> list[Ended]:
    """The jobs that a query over all their columns finds."""
    found = []
    for row in connection.execute(query).mappings().all():
        at = row["delivered_at"] or row["finished_at"] or row["created_at"]
        found.append(
            Ended(row["id"], row["provider"], row["status"], at, _files(connection, row["id"], row["order_json"]))
        )
    return found


def _kept(job_id: Any, at: Any, apart: Sequence[str]) -> ColumnElement[bool]:
    """Whether what that job has since then is kept: it is of no job, or of one that was not purged after it."""
    purge = tables.purge.c
    purged = exists().where(purge.job_id == job_id, purge.purged_at >= at)
    return or_(job_id.is_(None), and_(~job_id.in_(apart), ~purged))


def _came_since() -> ColumnElement[bool]:
    delivery, purge = tables.delivery.c, tables.purge.c
    return exists().where(delivery.job_id == purge.job_id, delivery.received_at > purge.purged_at)


def _end() -> ColumnElement[Any]:
    job = tables.job.c
    return func.coalesce(job.delivered_at, job.finished_at, job.created_at, type_=tables.Moment())


def _ended() -> ColumnElement[bool]:
    """An end is known, and no image is on its way."""
    job, task = tables.job.c, tables.task.c
    return and_(job.standing >= int(Standing.EXPIRED), ~exists().where(task.job_id == job.id, task.dead_at.is_(None)))


def _files(connection: Connection, job_id: str, order: object) -> frozenset[str]:
    """What of the job stands in storage: images, also those not checked yet, large bodies, pictures of the order."""
    image, delivery = tables.image.c, tables.delivery.c
    images = connection.execute(select(image.sha256, image.staged_sha256).where(image.job_id == job_id)).all()
    spilled = select(delivery.body_sha256).where(delivery.job_id == job_id, tables.SPILLED)
    bodies = connection.execute(spilled).scalars()
    inputs = _NAMED.findall(json.dumps(order))
    return frozenset({*(each for row in images for each in row if each), *bodies, *inputs})
