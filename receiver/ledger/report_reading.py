"""What a report counts, read from the ledger: sums made by the database, and streams that fit any memory.

A job is of the period in which it was opened, with all that became of it since; a delivery of the one in which it came.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, String, and_, case, func, or_, select, type_coerce

from receiver.ledger import tables
from receiver.ledger.ids import delivery_id
from receiver.ledger.rules import STATUS, Standing
from receiver.wire.types import Kind, Outcome

AT_ONCE = 1000
SLACK = timedelta(days=1)
"""How far the time in a delivery's id may be from the one in its row: a clock may have been set in between."""


class JobCount(NamedTuple):
    """So many jobs of one provider that are alike.

    `moderated`: an event says so. `overdue`: delivered after the deadline. `answered`: delivered, and of its success
    no callback or upload told us first, but an answer that we had asked for.
    """

    provider: str
    status: str
    moderated: bool
    overdue: bool
    answered: bool
    number: int


class CostCount(NamedTuple):
    """So many jobs that were sent and cost the same; None is not known."""

    provider: str
    cost_usd: str | None
    number: int


class ImageSum(NamedTuple):
    """Stored images of one provider."""

    provider: str
    number: int
    bytes: int


class DeliveryCount(NamedTuple):
    """So many deliveries of one provider, UTC day (2026-03-01) and verdict; `repeats` came again and were let pass."""

    provider: str
    day: str
    verdict: str
    number: int
    repeats: int


class Reading:
    """Looks at the period [begin, end), over one connection."""

    def __init__(self, connection: Connection, begin: datetime, end: datetime) -> None:
        self._connection, self._begin, self._end = connection, begin, end
        self._mine = and_(tables.job.c.created_at >= begin, tables.job.c.created_at < end)

    def jobs(self) -> Iterator[JobCount]:
        """Jobs by provider and what became of them."""
        job, delivered = tables.job.c, tables.job.c.status == STATUS[Standing.DELIVERED]
        succeeded = _events(Outcome.SUCCEEDED)
        heard = succeeded.where(tables.delivery.c.kind != Kind.ANSWER.value)
        alike = (
            select(
                job.provider, job.status, _flag(_events(Outcome.MODERATED).exists(), "moderated"),
                _flag(and_(delivered, job.delivered_at > job.deadline_at), "overdue"),
                _flag(and_(delivered, succeeded.exists(), ~heard.exists()), "answered"),
            )
            .where(self._mine)
            .subquery()
        )  # fmt: skip
        query = select(*alike.c, func.count()).group_by(*alike.c).order_by(*alike.c)
        for row in self._connection.execute(query):
            yield JobCount(row[0], row[1], bool(row[2]), bool(row[3]), bool(row[4]), row[5])

    def costs(self) -> Iterator[CostCount]:
        """What jobs cost, as their providers said it; a job that was never sent costs nothing and is left out."""
        job = tables.job.c
        query = select(job.provider, job.cost_usd, func.count()).where(self._mine, job.called_at.is_not(None))
        for row in self._connection.execute(query.group_by(job.provider, job.cost_usd)):
            yield CostCount(*row)

    def images(self) -> Iterator[ImageSum]:
        """Images that are stored, whenever they came."""
        image, whole = tables.image.c, tables.job.join(tables.image, tables.image.c.job_id == tables.job.c.id)
        query = select(tables.job.c.provider, func.count(), func.sum(image.bytes)).select_from(whole)
        query = query.where(self._mine, image.sha256.is_not(None)).group_by(tables.job.c.provider)
        for provider, count, size in self._connection.execute(query):
            yield ImageSum(provider, count, int(size or 0))

    def seconds(self) -> Iterator[tuple[str, float]]:
        """Of each stored image its provider, and the seconds from the call to the provider until it was stored."""
        job, image = tables.job.c, tables.image.c
        whole = tables.job.join(tables.image, image.job_id == job.id)
        query = select(job.provider, func.coalesce(job.called_at, job.created_at), image.stored_at).select_from(whole)
        query = query.where(self._mine, image.stored_at.is_not(None)).execution_options(yield_per=AT_ONCE)
        for provider, began, stored in self._connection.execute(query):
            yield provider, max((stored - began).total_seconds(), 0.0)

    def deliveries(self) -> Iterator[DeliveryCount]:
        """Deliveries by provider, day and verdict."""
        delivery, day = tables.delivery.c, self._day()
        mine = (delivery.received_at >= self._begin, delivery.received_at < self._end)
        # ids begin with the time, and are the order of the table: what is not of the period is not even looked at
        near = (delivery.id >= _first(self._begin - SLACK), delivery.id < _first(self._end + SLACK))
        query = select(delivery.provider, day, delivery.verdict, func.count(), func.sum(delivery.repeats))
        for row in self._connection.execute(
            query.where(*mine, *near).group_by(delivery.provider, day, delivery.verdict)
        ):
            yield DeliveryCount(row[0], str(row[1]), row[2], row[3], int(row[4] or 0))

    def _day(self) -> Any:
        at = tables.delivery.c.received_at
        if self._connection.dialect.name == "sqlite":
            return func.substr(type_coerce(at, String), 1, 10)
        return func.to_char(func.timezone("UTC", at), "YYYY-MM-DD")


def _events(outcome: Outcome) -> Any:
    """The job's events of that outcome, with their deliveries."""
    event, delivery = tables.event.c, tables.delivery.c
    whole = tables.event.join(tables.delivery, delivery.id == event.delivery_id)
    mine = and_(event.job_id == tables.job.c.id, event.outcome == outcome.value)
    return select(event.event_id).select_from(whole).where(mine).correlate(tables.job)


def _flag(condition: Any, name: str) -> Any:
    return case((condition, 1), else_=0).label(name)


def _first(at: datetime) -> str:
    """The least that the id of a delivery of that time can be."""
    return delivery_id(at)[:13]


class GapRow(NamedTuple):
    """An image that is not here, or (`key` None) a job of which nothing was heard. `retry` is of use if `live`."""

    job_id: str
    provider: str
    key: str | None
    status: str
    live: bool
    since: datetime
    expires_at: datetime | None
    dead_at: datetime | None
    error: str | None


def lost_images(connection: Connection, now: datetime, since: datetime | None = None) -> Iterator[GapRow]:
    """Announced images that we do not hold: those whose URL has expired, and of jobs that the provider calls done
    those that nobody collects in time (the task is a dead letter or gone, or the job's deadline has passed).
    """
    job, image, task = tables.job.c, tables.image.c, tables.task.c
    whole = tables.image.join(tables.job, job.id == image.job_id).outerjoin(
        tables.task, and_(task.job_id == image.job_id, task.image_key == image.key)
    )
    idle = or_(task.job_id.is_(None), task.dead_at.is_not(None), job.deadline_at <= now)
    lost = or_(image.expires_at <= now, and_(job.status == STATUS[Standing.SUCCEEDED], idle))
    query = (
        select(
            job.id, job.provider, image.key, job.status, task.job_id.is_not(None), image.announced_at,
            image.expires_at, task.dead_at, task.error,
        )
        .select_from(whole)
        .where(image.sha256.is_(None), lost, *_since(since))
        .order_by(job.created_at, job.id, image.n)
        .execution_options(yield_per=AT_ONCE)
    )  # fmt: skip
    for row in connection.execute(query):
        yield GapRow(*row)


def silent(connection: Connection, now: datetime, since: datetime | None = None) -> Iterator[GapRow]:
    """Jobs that a provider took, whose deadline has passed: those whose end never came, and those of which neither
    callback nor upload was believed. Whether the provider calls back at all is for the caller to say.
    """
    job, event, delivery = tables.job.c, tables.event.c, tables.delivery.c
    whole = tables.event.join(tables.delivery, delivery.id == event.delivery_id)
    heard = select(event.event_id).select_from(whole).where(event.job_id == job.id, delivery.kind != Kind.ANSWER.value)
    expired = job.status == STATUS[Standing.EXPIRED]
    query = (
        select(job.id, job.provider, job.status, job.standing, job.deadline_at, job.error_message)
        .where(job.request_id.is_not(None), job.deadline_at <= now, or_(expired, ~heard.exists()), *_since(since))
        .order_by(job.created_at, job.id)
        .execution_options(yield_per=AT_ONCE)
    )
    for row in connection.execute(query):
        live = row.standing <= Standing.EXPIRED
        yield GapRow(row.id, row.provider, None, row.status, live, row.deadline_at, None, None, row.error_message)


def _since(since: datetime | None) -> tuple[Any, ...]:
    return (tables.job.c.created_at >= since,) if since else ()
