"""Deliveries per minute, and how quick each provider is: what a page of the present draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, Connection, and_, func, select

from receiver.ledger import tables
from receiver.ledger.ids import delivery_id
from receiver.ledger.narrowing import refusals
from receiver.ledger.rules import STATUS, Standing

MINUTE, MINUTES = timedelta(minutes=1), 60
SETTLED = timedelta(minutes=1)
"""This long after its end no delivery of a minute is still being written: its count stands."""
MOST_READ = 500
"""Rows of one minute that are read one by one, for the repeats that only they know of."""
MOST_JOBS = 300
"""The newest jobs of a provider, of which its median is taken."""


@dataclass(frozen=True, slots=True)
class Minute:
    """Deliveries of the minute from `at` on: let in, let in before (`duplicate`), and refused.

    A duplicate is of the minute in which it came first. Where more than 500 deliveries came in a minute, how many of
    them came again is reckoned from the first 500.
    """

    at: datetime
    recorded: int
    duplicate: int
    refused: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Median seconds from the call to the provider until all images were stored, of so many jobs of the last day."""

    provider: str
    median_seconds: float
    count: int


def first_id(at: datetime) -> str:
    """The least that the id of a delivery of that time can be."""
    return delivery_id(at)[:13]


def refused_since(connection: Connection, since: datetime) -> int:
    """How many deliveries were refused."""
    behind = tables.delivery.c.id >= first_id(since)
    return sum(_refused(connection, slug, behind) for slug in refusals(connection))


def minutes(connection: Connection, now: datetime, settled: dict[datetime, Minute]) -> tuple[Minute, ...]:
    """The last sixty, oldest first, that of `now` included. `settled` are those that need not be counted again."""
    last = now.replace(second=0, microsecond=0)
    wanted = [last - MINUTE * back for back in reversed(range(MINUTES))]
    slugs = [slug for slug in refusals(connection) if _any_since(connection, slug, wanted[0])]
    found = tuple(settled.get(at) or _minute(connection, at, slugs) for at in wanted)
    settled.clear()
    settled.update({each.at: each for each in found if each.at + MINUTE + SETTLED <= now})
    return found


def speeds(connection: Connection, since: datetime) -> tuple[Speed, ...]:
    """Of each provider with a job that was delivered since then, in the order of their names."""
    told = ((provider, _seconds(connection, provider, since)) for provider in _providers(connection))
    return tuple(Speed(provider, median(seconds), len(seconds)) for provider, seconds in told if seconds)


def _minute(connection: Connection, at: datetime, slugs: Sequence[str]) -> Minute:
    delivery = tables.delivery.c
    within = and_(delivery.id >= first_id(at), delivery.id < first_id(at + MINUTE))
    count = int(connection.execute(select(func.count(delivery.id)).where(within)).scalar_one())
    if not count:
        return Minute(at, 0, 0, 0)
    rows = select(delivery.repeats).where(within).order_by(delivery.id).limit(MOST_READ).subquery()
    repeats = int(connection.execute(select(func.sum(rows.c.repeats))).scalar() or 0)
    refused = sum(_refused(connection, slug, within) for slug in slugs)
    return Minute(at, count - refused, round(repeats * max(count / MOST_READ, 1)), refused)


def _refused(connection: Connection, slug: str, within: ColumnElement[bool]) -> int:
    delivery = tables.delivery.c
    query = select(func.count()).where(tables.RARE, delivery.verdict == slug, within)
    return int(connection.execute(query).scalar_one())


def _any_since(connection: Connection, slug: str, since: datetime) -> bool:
    delivery = tables.delivery.c
    mine = and_(tables.RARE, delivery.verdict == slug, delivery.id >= first_id(since))
    return connection.execute(select(delivery.id).where(mine).limit(1)).first() is not None


def _providers(connection: Connection) -> Iterator[str]:
    """All that ever had a job, each found by one step into the index."""
    job, last = tables.job.c, ""
    query = select(job.provider).order_by(job.provider).limit(1)
    while found := connection.execute(query.where(job.provider > last)).scalar():
        last = str(found)
        yield last


def _seconds(connection: Connection, provider: str, since: datetime) -> list[float]:
    job = tables.job.c
    mine = and_(job.provider == provider, job.created_at >= since)
    newest = select(job.status, job.called_at, job.created_at, job.delivered_at).where(mine)
    one = newest.order_by(job.created_at.desc(), job.id.desc()).limit(MOST_JOBS).subquery().c
    query = select(func.coalesce(one.called_at, one.created_at), one.delivered_at)
    rows = connection.execute(query.where(one.status == STATUS[Standing.DELIVERED]))
    return [max((done - begun).total_seconds(), 0.0) for begun, done in rows if done]
