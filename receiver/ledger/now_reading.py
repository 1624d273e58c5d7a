"""What is true now: counts, the last hour minute by minute, how quick each provider is, what expires next.

A live page asks every second, so nothing here grows with the ledger: ends of indexes, windows of ids (they begin with
the time), and counts along an index, which are made again only after a rest (see watch.py).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, func, select

from receiver.ledger import counting, tables, trail, trail_tables, views
from receiver.ledger.counting import Minute, Speed
from receiver.ledger.names import apart
from receiver.ledger.views import JobView

if TYPE_CHECKING:
    from receiver.ledger.watch import Watch

__all__ = ["Expiring", "Minute", "NowView", "Speed", "look"]

DAY = timedelta(days=1)
LATEST = 12
"""Newest jobs that are shown with their pictures."""
LINES = 200
"""Lines of the sealer's queue of which the names are counted."""
SLOW = 2.0
"""Seconds for which the speeds of providers hold."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Count = tuple[int, bool]
"""How many there are, and whether there are more than that."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """An image that is being fetched, and the time when its URL ends."""

    job_id: str
    provider: str
    n: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NowView:
    """Since `since`: `delivered`, `failed` and `expired` jobs, of those opened since then; deliveries `refused`.

    Now: jobs that are `collecting` images or `waiting` for their end, `dead` letters, `queue` images to collect, and
    what is `unsealed` (counted in the first 200 lines of the queue). `more` names those counts of which there are more
    than is said: none is counted beyond 50,000. `oldest_out`: when the first of the waiting jobs
    was opened. `minutes`: the last 60, oldest first. `soonest`: of images to collect, the first whose URL ends.
    `checkpoint`: when the last was made, and how many entries it covers. `latest`: newest delivered jobs with pictures.
    """

    since: datetime
    delivered: int
    failed: int
    expired: int
    refused: int
    collecting: int
    waiting: int
    dead: int
    queue: int
    unsealed: int
    more: tuple[str, ...]
    oldest_out: datetime | None
    minutes: tuple[Minute, ...]
    seconds: tuple[Speed, ...]
    soonest: Expiring | None
    checkpoint: tuple[datetime, int] | None
    latest: tuple[JobView, ...]


def look(connection: Connection, now: datetime, watch: "Watch") -> NowView:
    """What is true now; `watch` holds what was counted before."""
    since, rested, last = now - DAY, watch.rested, trail.last_checkpoint(connection)
    day, present = (
        rested.get("day", lambda: _day(connection, since)),
        rested.get("present", lambda: _present(connection)),
    )
    return NowView(
        since=since,
        **{name: count for name, (count, _) in {**day, **present}.items()},
        more=tuple(name for name, (_, more) in {**day, **present}.items() if more),
        oldest_out=_oldest_out(connection),
        minutes=rested.get("minutes", lambda: counting.minutes(connection, now, watch.minutes)),
        seconds=rested.get("speeds", lambda: counting.speeds(connection, since), SLOW),
        soonest=_soonest(connection, now),
        checkpoint=(last.made_at, last.size) if last else None,
        latest=tuple(job for job in views.job_views(connection, status="delivered", limit=LATEST) if job.pictures),
    )


def _day(connection: Connection, since: datetime) -> dict[str, Count]:
    job = tables.job.c
    ends = {status: _jobs(connection, status, job.created_at >= since) for status in ("delivered", "failed", "expired")}
    return {**ends, "refused": _said(counting.refused_since(connection, since))}


def _present(connection: Connection) -> dict[str, Count]:
    job, task = tables.job.c, tables.task.c
    dead = task.dead_at >= _NEVER  # SQLite uses the index for this, and not for IS NOT NULL
    stuck = int(connection.execute(select(func.count(task.job_id.distinct())).where(dead)).scalar_one())
    succeeded = counting.up_to_most(connection, job.created_at, job.status == "succeeded", beside=stuck)
    out = [_jobs(connection, status) for status in ("pending", "submitted")]
    return {
        "collecting": _said(max(succeeded - stuck, 0)),
        "waiting": (sum(count for count, _ in out), any(more for _, more in out)),
        "dead": _tasks(connection, dead),
        "queue": _tasks(connection, task.dead_at.is_(None)),
        "unsealed": (_unsealed(connection), False),
    }


def _jobs(connection: Connection, status: str, *conditions: ColumnElement[bool]) -> Count:
    job = tables.job.c
    return _said(counting.up_to_most(connection, job.created_at, job.status == status, *conditions))


def _tasks(connection: Connection, condition: ColumnElement[bool]) -> Count:
    return _said(counting.up_to_most(connection, tables.task.c.dead_at, condition))


def _said(count: int) -> Count:
    """What is said of a count that ended behind MOST."""
    return min(count, counting.MOST), count > counting.MOST


def _unsealed(connection: Connection) -> int:
    line = trail_tables.unsealed.c
    lines = connection.execute(select(line.ref).order_by(line.n).limit(LINES)).scalars()
    return sum(len(apart(ref)) for ref in lines)


def _oldest_out(connection: Connection) -> datetime | None:
    job, found = tables.job.c, list[datetime]()
    for status in ("pending", "submitted"):
        query = select(job.created_at).where(job.status == status).order_by(job.created_at, job.id).limit(1)
        found += connection.execute(query).scalars()
    return min(found, default=None)


def _soonest(connection: Connection, now: datetime) -> Expiring | None:
    task, image, job = tables.task, tables.image, tables.job
    whole = task.join(image, (image.c.job_id == task.c.job_id) & (image.c.key == task.c.image_key))
    whole = whole.join(job, job.c.id == task.c.job_id)
    query = select(task.c.job_id, job.c.provider, image.c.n, task.c.expires_at).select_from(whole)
    query = query.where(task.c.dead_at.is_(None), task.c.expires_at > now)
    # the first column is the same in all of them, and makes the order that of the index
    row = connection.execute(query.order_by(task.c.dead_at, task.c.expires_at).limit(1)).first()
    return Expiring(*row) if row else None
