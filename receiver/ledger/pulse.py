"""Which jobs moved, and which have come to an end: a few rows by their keys, however large the ledger is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select

from receiver.ledger import tables
from receiver.ledger.among import Among
from receiver.ledger.rules import FINAL

NEWEST, CAME = 200, 500
"""The jobs opened last, and the deliveries that came last, which are looked at each time."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Job id → status of all that may have moved; `last` is the id of the newest delivery, for the next look."""

    statuses: Mapping[str, str]
    last: str


def pulse(connection: Connection, watched: Sequence[str], last: str) -> Pulse:
    """The newest jobs, those that are watched, and those that something came for since the delivery `last`."""
    job, delivery = tables.job.c, tables.delivery.c
    newest = select(job.id, job.status).order_by(job.created_at.desc(), job.id.desc()).limit(NEWEST)
    found = {str(name): str(status) for name, status in connection.execute(newest)}
    came = select(delivery.id, delivery.job_id).where(delivery.id > last).order_by(delivery.id.desc()).limit(CAME)
    rows = connection.execute(came).all() if last else []
    others = {*watched, *(str(row.job_id) for row in rows if row.job_id)} - found.keys()
    if others:
        found |= {str(row.id): str(row.status) for row in _STATUSES.run(connection, sorted(others))}
    return Pulse(found, str(rows[0].id) if rows else last or _last(connection))


def underway(connection: Connection, limit: int) -> list[str]:
    """Ids of jobs without an end, as many as are to be watched."""
    job = tables.job.c
    waiting = select(job.id).where(tables.OPEN).order_by(job.deadline_at).limit(limit)
    collecting = select(job.id).where(job.status == "succeeded").order_by(job.created_at.desc()).limit(limit)
    return [*connection.execute(waiting).scalars(), *connection.execute(collecting).scalars()][:limit]


def ended(connection: Connection, job_ids: Sequence[str]) -> list[str]:
    """Those of the jobs for which nothing more happens by itself: at an end, or with a dead letter."""
    dead = set(_DEAD.run(connection, job_ids).scalars())
    return [row.id for row in _STATUSES.run(connection, job_ids) if row.status in FINAL or row.id in dead]


def _last(connection: Connection) -> str:
    return str(connection.execute(select(func.max(tables.delivery.c.id))).scalar() or "0")


_STATUSES = Among("job.id", lambda _, among: select(tables.job.c.id, tables.job.c.status).where(among))
_DEAD = Among(
    "job.id",
    lambda _, among: select(tables.job.c.id).where(
        among, exists().where(tables.task.c.job_id == tables.job.c.id, tables.task.c.dead_at.is_not(None))
    ),
)
