"""Signs of life in the ledger: whether somebody seals, reconciles and collects."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, select

from receiver.ledger import duties, tables, trail_tables

OVERDUE = timedelta(minutes=1)
"""How long a due task may wait for a worker."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """`checkpoint_at`: when the newest checkpoint was signed; `collecting`: a task is leased right now.

    `overdue`: tasks that have been due for a minute and that nobody has taken.
    """

    sealing: bool
    reconciling: bool
    collecting: bool
    overdue: int
    checkpoint_at: datetime | None


def vitals(connection: Connection, now: datetime) -> Vitals:
    """A look that takes no lock."""
    task, checkpoint = tables.task.c, trail_tables.checkpoint.c
    newest = select(checkpoint.made_at).order_by(checkpoint.n.desc()).limit(1)
    alive = task.dead_at.is_(None)
    leased = alive & (task.leased_until > now)
    idle = alive & (task.due_at < now - OVERDUE) & (task.leased_until.is_(None) | (task.leased_until < now - OVERDUE))
    return Vitals(
        sealing=not duties.is_free(connection, "seal", now),
        reconciling=not duties.is_free(connection, "reconcile", now),
        collecting=bool(connection.execute(select(exists().where(leased))).scalar()),
        overdue=connection.execute(select(func.count()).select_from(tables.task).where(idle)).scalar_one(),
        checkpoint_at=connection.execute(newest).scalar(),
    )
