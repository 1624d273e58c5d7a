"""Deliveries per minute, and how quick each provider is: what a page of the present draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, String, and_, column, func, select, values

from receiver.ledger import tables
from receiver.ledger.ids import delivery_id
from receiver.ledger.narrowing import refusals
from receiver.ledger.rules import STATUS, Standing

MINUTE, MINUTES = timedelta(minutes=1), 60
SETTLED = timedelta(minutes=1)
"""This long after its end no delivery of a minute is still being written: its count stands."""
MOST = 50_000
"""What is counted: of what is more than that, only so much is said. Some 10 ms of either database."""
MOST_JOBS = 100
"""The newest jobs of a provider, of which its median is taken."""


@dataclass(frozen=True, slots=True)
class Minute:
    """Deliveries of the minute from `at` on: let in, let in before (`duplicate`), and refused.

    A duplicate is of the minute in which it came first.
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


def up_to_most(
    connection: Connection, column: ColumnElement[Any], *conditions: ColumnElement[bool], beside: int = 0
) -> int:
    """How many rows there are, by a column that an index has; one more than MOST where there are more.

    `beside`: so many of them are to be taken off, and are counted on top of MOST.
    """
    some = select(column).where(*conditions).limit(MOST + beside + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def refused_since(connection: Connection, since: datetime) -> int:
    """How many deliveries were refused; more than MOST where there are more."""
    delivery = tables.delivery.c
    mine = [tables.RARE, delivery.id >= first_id(since)]
    return sum(up_to_most(connection, delivery.id, *mine, delivery.verdict == slug) for slug in refusals(connection))


def minutes(connection: Connection, now: datetime, settled: dict[datetime, Minute]) -> tuple[Minute, ...]:
    """The last sixty, oldest first, that of `now` included. `settled` are those that need not be counted again."""
    last = now.replace(second=0, microsecond=0)
    wanted = [last - MINUTE * back for back in reversed(range(MINUTES))]
    slugs = [slug for slug in refusals(connection) if _any_since(connection, slug, wanted[0])]
    counted = settled | _counted(connection, [at for at in wanted if at not in settled], slugs)
    found = tuple(counted[at] for at in wanted)
    settled.clear()
    settled.update({each.at: each for each in found if each.at + MINUTE + SETTLED <= now})
    return found


def speeds(connection: Connection, since: datetime) -> tuple[Speed, ...]:
    """Of each provider with a job that was delivered since then, in the order of their names."""
    told = ((provider, _seconds(connection, provider, since)) for provider in _providers(connection))
    return tuple(Speed(provider, median(seconds), len(seconds)) for provider, seconds in told if seconds)


def _counted(connection: Connection, minutes: Sequence[datetime], slugs: Sequence[str]) -> dict[datetime, Minute]:
    """All of these minutes in one statement, each of its counts a piece of an index."""
    delivery = tables.delivery.c
    bounds = [(n, first_id(at), first_id(at + MINUTE)) for n, at in enumerate(minutes)]
    names = column("n", Integer), column("first", String), column("stop", String)
    minute = values(*names, name="minute").data(bounds).cte("minute").c
    within = and_(delivery.id >= minute.first, delivery.id < minute.stop)
    came, again = func.count(delivery.id), func.sum(delivery.repeats)
    counts = [select(came).where(within), select(again).where(tables.AGAIN, within)]
    counts += [select(came).where(tables.RARE, delivery.verdict == slug, within) for slug in slugs]
    rows = connection.execute(select(minute.n, *(each.correlate(minute.n.table).scalar_subquery() for each in counts)))
    return {
        minutes[n]: Minute(minutes[n], count - sum(refused), int(repeats or 0), sum(refused))
        for n, count, repeats, *refused in rows
    }


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
