"""The one call of a job: when whoever reconciles makes it, who claims it, and why it cannot be made yet."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from receiver.ledger import tables
from receiver.ledger.clocks import reached
from receiver.ledger.news import announce
from receiver.ledger.rows import one
from receiver.ledger.rules import Standing
from receiver.wire.types import Failure

CALL_GRACE = timedelta(seconds=30)
"""A submitter's own call comes first: a row that was not called after this belongs to one that died before it."""
SENDING_PAUSE = timedelta(seconds=10)
"""When a job could not be sent, for want of its key perhaps, the next try waits for this."""
NOT_YET = "not_sent_yet"
"""The code of a job that is still to be sent, and could not be so far; its message says why."""


def called(connection: Connection, job_id: str, now: datetime) -> bool:
    """Claim the one call of a job, just before it is made. False when it was made already: it is never made twice.

    Nor is it made for a job that has come to an end before: cancelled, or expired.
    """
    job = tables.job.c
    mine = and_(job.id == job_id, job.called_at.is_(None), tables.OPEN)
    claimed = {"called_at": now, "send_at": None, "error_code": None, "error_message": None}
    return connection.execute(update(tables.job).where(mine).values(claimed)).rowcount == 1


def held_up(connection: Connection, job_id: str, why: Failure, until: datetime) -> bool:
    """A job cannot be sent now: its row says why, and it is tried again at `until`. Whether that is a new reason."""
    job = one(connection, tables.job, lock=True, id=job_id)
    if job is None or job["called_at"] is not None or job["standing"] != Standing.PENDING:
        return False
    changes: dict[str, Any] = {"error_code": why.code, "error_message": why.message}
    fresh = any(job[name] != value for name, value in changes.items())
    connection.execute(update(tables.job).where(tables.job.c.id == job_id).values(send_at=until, **changes))
    if fresh:
        announce(connection)
    return fresh


def unsent(connection: Connection, now: datetime, limit: int, but: Collection[str] = ()) -> list[dict[str, Any]]:
    """Jobs that are to be sent by whoever reconciles, longest due first; `but` none of these providers.

    They were opened for it, or their submitter died between opening the row and making the call.
    """
    which = and_(never_called(now), tables.job.c.provider.not_in(but))
    query = select(tables.job).where(which).order_by(tables.job.c.send_at).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def never_called(now: datetime) -> ColumnElement[bool]:
    """Which jobs `unsent` gives."""
    job = tables.job.c
    pending = and_(tables.UNSENT, job.called_at.is_(None))
    return and_(pending, job.deadline_at > now, reached(job.send_at, now, CALL_GRACE))
