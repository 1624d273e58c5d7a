"""What people and programs are shown of the ledger: jobs with their images and deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, literal, select, tuple_

from receiver.ledger import tables
from receiver.ledger.columns import unpack
from receiver.ledger.rows import one


@dataclass(frozen=True, slots=True)
class ImageView:
    n: int
    key: str
    state: str  # announced | stored | dead
    sha256: str | None
    media_type: str | None
    width: int | None
    height: int | None
    bytes: int | None
    url: str | None
    seed: str | None
    arrived_by: str | None
    stored_at: datetime | None
    expires_at: datetime | None
    attempts: int
    error: str | None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    id: str
    received_at: datetime
    provider: str
    job_id: str | None
    kind: str
    verdict: str
    reason: str | None
    scheme: str | None
    key_id: str | None
    signed_at: datetime | None
    headers: tuple[tuple[str, str], ...]
    body_sha256: str
    body_bytes: int
    repeats: int


@dataclass(frozen=True, slots=True)
class PurgeView:
    """That a job is kept no longer: since when, and why. Until `done` its files are still going."""

    at: datetime
    why: str
    done: bool

    @property
    def by(self) -> str:
        """Whose doing it was: `by retention of 30 days`, `by hand`."""
        days = self.why.removeprefix("RETENTION_DAYS=")
        return self.why if days == self.why else f"by retention of {days} day{'s' * (days != '1')}"


@dataclass(frozen=True, slots=True)
class JobView:
    id: str
    provider: str
    model: str
    status: str
    request_id: str | None
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
    delivered_at: datetime | None
    deadline_at: datetime
    params: dict[str, Any]
    order: dict[str, Any]
    tags: dict[str, str]
    expected: int
    upload: bool
    error: dict[str, str] | None
    cost_usd: str | None
    images: tuple[ImageView, ...] = field(default=())
    deliveries: tuple[DeliveryView, ...] = field(default=())
    purged: PurgeView | None = None

    @property
    def pictures(self) -> tuple[ImageView, ...]:
        """Images whose files are here: stored, and not purged since."""
        gone = self.purged.at if self.purged else None
        stored = (image for image in self.images if image.sha256)
        return tuple(image for image in stored if not gone or (image.stored_at and image.stored_at > gone))

    @property
    def stuck(self) -> bool:
        """An image is a dead letter: nothing more happens until `retry`."""
        return any(image.state == "dead" for image in self.images)


USUAL = frozenset({"verified", "unsigned"})
"""The verdicts of most deliveries: they are found among the newest, and have no index."""


def job_view(connection: Connection, job_id: str) -> JobView | None:
    """One job with everything that hangs on it, or None."""
    row = one(connection, tables.job, id=job_id)
    if row is None:
        return None
    deliveries = delivery_views(connection, job_id=job_id, limit=500)
    return _job(row, _images(connection, [job_id]), _purges(connection, [job_id]), deliveries)


def job_views(
    connection: Connection, *, status: str | None = None, provider: str | None = None,
    since: datetime | None = None, before: datetime | tuple[datetime, str] | None = None, limit: int = 50,
) -> list[JobView]:  # fmt: skip
    """Jobs, newest first, with images and without deliveries.

    `before` is `created_at` and `id` of the last job of the page before; a time alone passes over its equals.
    """
    job = tables.job.c
    wanted = [(job.status, status), (job.provider, provider)]
    query = select(tables.job).where(*(column == value for column, value in wanted if value is not None))
    query = query.where(job.created_at >= since) if since else query
    if before is not None:
        at, name = before if isinstance(before, tuple) else (before, "")
        query = query.where(tuple_(job.created_at, job.id) < tuple_(literal(at, tables.Moment()), name))
    rows = connection.execute(query.order_by(job.created_at.desc(), job.id.desc()).limit(limit)).mappings().all()
    return _listed(connection, rows)


def named_jobs(connection: Connection, ids: Sequence[str]) -> list[JobView]:
    """Those of these ids that there are, newest first, with images and without deliveries."""
    job = tables.job.c
    query = select(tables.job).where(job.id.in_(ids)).order_by(job.created_at.desc(), job.id.desc())
    return _listed(connection, connection.execute(query).mappings().all())


def _listed(connection: Connection, rows: Sequence[RowMapping]) -> list[JobView]:
    ids = [row["id"] for row in rows]
    images, purges = _images(connection, ids), _purges(connection, ids)
    return [_job(dict(row), images, purges) for row in rows]


def delivery_views(
    connection: Connection, *, job_id: str | None = None, verdict: str | None = None,
    before: tuple[datetime, str] | None = None, limit: int = 50,
) -> tuple[DeliveryView, ...]:  # fmt: skip
    """Deliveries, believed and refused, newest first. `before` is `received_at` and `id` of the last one seen.

    Their ids begin with the time, so the id alone says where the next page begins.
    """
    delivery = tables.delivery.c
    columns = [delivery[name] for name in DeliveryView.__dataclass_fields__]
    wanted = [(delivery.job_id, job_id), (delivery.verdict, verdict)]
    query = select(*columns).where(*(column == value for column, value in wanted if value is not None))
    query = query.where(delivery.id < before[1]) if before else query
    query = query.where(tables.RARE) if verdict and verdict not in USUAL else query  # as the index says it
    return tuple(map(delivery_view, connection.execute(query.order_by(delivery.id.desc()).limit(limit)).mappings()))


def named_deliveries(connection: Connection, ids: Sequence[str]) -> tuple[DeliveryView, ...]:
    """Those of these ids that there are, newest first."""
    delivery = tables.delivery.c
    query = select(*(delivery[name] for name in DeliveryView.__dataclass_fields__)).where(delivery.id.in_(ids))
    return tuple(map(delivery_view, connection.execute(query.order_by(delivery.id.desc())).mappings()))


def delivery_view(row: Mapping[Any, Any]) -> DeliveryView:
    """A row of the table, as it is shown."""
    facts = {name: row[name] for name in DeliveryView.__dataclass_fields__}
    return DeliveryView(**{**facts, "headers": unpack(row["headers"])})


def _images(connection: Connection, job_ids: Sequence[str]) -> dict[str, tuple[ImageView, ...]]:
    image, task = tables.image, tables.task
    same = (task.c.job_id == image.c.job_id) & (task.c.image_key == image.c.key)
    query = select(image, task.c.dead_at, task.c.attempts, task.c.error).join(task, same, isouter=True)
    rows = connection.execute(query.where(image.c.job_id.in_(job_ids)).order_by(image.c.n, image.c.key)).mappings()
    found: dict[str, tuple[ImageView, ...]] = {}
    for row in rows:
        state = "stored" if row["sha256"] else "dead" if row["dead_at"] else "announced"
        facts = {name: row[name] for name in ImageView.__dataclass_fields__ if name in row and name != "attempts"}
        view = ImageView(**facts, state=state, attempts=row["attempts"] or 0)
        found[row["job_id"]] = (*found.get(row["job_id"], ()), view)
    return found


def _purges(connection: Connection, job_ids: Sequence[str]) -> dict[str, PurgeView]:
    purge = tables.purge.c
    rows = connection.execute(select(tables.purge).where(purge.job_id.in_(job_ids))).mappings()
    return {row["job_id"]: PurgeView(row["purged_at"], row["why"], row["pending"] is None) for row in rows}


def _job(
    row: dict[str, Any], images: Mapping[str, tuple[ImageView, ...]], purges: Mapping[str, PurgeView],
    deliveries: tuple[DeliveryView, ...] = (),
) -> JobView:  # fmt: skip
    special = {"order", "error", "images", "deliveries", "purged"}
    facts = {name: row[name] for name in JobView.__dataclass_fields__ if name not in special}
    error = {"code": row["error_code"], "message": row["error_message"]} if row["error_code"] else None
    facts |= {"images": images.get(row["id"], ()), "deliveries": deliveries, "purged": purges.get(row["id"])}
    return JobView(**facts, order=row["order_json"], error=error)
