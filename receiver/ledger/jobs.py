"""A job's life on our side: opened before the call, noted, refused, asked about, expired. The call is in sending.py."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, or_, select, update

from receiver.errors import BadOrder, Impossible, KeyReused, NoSuchJob, WrongRequest
from receiver.ledger import sending, tables, trail
from receiver.ledger.climb import digits, stand
from receiver.ledger.clocks import reached
from receiver.ledger.names import ref_of
from receiver.ledger.news import announce
from receiver.ledger.rows import insert_new, one
from receiver.ledger.rules import STATUS, Standing
from receiver.wire.orders import Acknowledged
from receiver.wire.types import Failure, Kind

QUESTION_LEASE = timedelta(minutes=1)
"""A question that a reconciler has taken comes back after this, whatever became of the reconciler."""
LONGEST_WAIT = timedelta(minutes=10)
"""How long a job may have to wait for its next question; a provider's pace beyond it is walked at this."""
MOST_AT_ONCE = 200
"""Jobs that one transaction expires; the rest has its turn in the next."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a job before its provider is called. `order` and `params` hold images by hash, not bytes.

    `send_at` is when whoever reconciles makes the call if nobody has: after sending.CALL_GRACE where it is None.
    """

    id: str
    provider: str
    model: str
    order: dict[str, Any]
    order_digest: str
    params: dict[str, Any]
    expected: int
    upload: bool
    created_at: datetime
    deadline_at: datetime
    ask_at: datetime | None
    tags: dict[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    send_at: datetime | None = None


def open_job(connection: Connection, opening: Opening) -> tuple[str, bool]:
    """The row stands before the provider is called. Returns the job's id and whether it is new.

    The same idempotency key is the same job; with another order it is BadOrder, as nobody can mean both.
    """
    row = {name: getattr(opening, name) for name in Opening.__dataclass_fields__}
    row |= {"standing": int(Standing.PENDING), "status": STATUS[Standing.PENDING], "links": {}, "asks": 0}
    row["order_json"] = row.pop("order")
    row["send_at"] = opening.send_at or opening.created_at + sending.CALL_GRACE
    if insert_new(connection, tables.job, row):
        trail.queue(connection, "order", [opening.id])
        if opening.send_at is not None:
            announce(connection)
        return opening.id, True
    key = opening.idempotency_key
    there = one(connection, tables.job, idempotency_key=key) if key is not None else None
    if there is None:
        raise BadOrder("this job id is taken")
    if (there["order_digest"], there["provider"]) != (opening.order_digest, opening.provider):
        raise KeyReused("--idempotency-key: this key was used for a different order; use a new key for a new order")
    return there["id"], False


def noted(connection: Connection, job_id: str, said: Acknowledged, now: datetime) -> bool:
    """The provider took the job. False when a callback that came first had named another request: it is disowned."""
    job = _job(connection, job_id)
    same = job["request_id"] in {None, said.request_id}
    if not same:
        job |= _disown(connection, job_id)
    changes: dict[str, Any] = {"links": dict(said.links), "request_id": said.request_id}
    if said.cost is not None and job["cost_usd"] is None:
        changes["cost_usd"] = digits(said.cost)
    changes |= stand(job, max(Standing(job["standing"]), Standing.SUBMITTED), now)
    changes |= {} if same else {"ask_at": now}
    connection.execute(update(tables.job).where(tables.job.c.id == job_id).values(changes))
    queue_end(connection, [job_id])
    announce(connection)
    return same


def _disown(connection: Connection, job_id: str) -> dict[str, Any]:
    """The only way down: what came before the acknowledgement was of another request, so nothing of it is ours."""
    believed = select(tables.event.c.delivery_id).where(tables.event.c.job_id == job_id)
    false = tables.delivery.c.id.in_(believed) & (tables.delivery.c.kind != Kind.UPLOAD.value)
    told = {"verdict": WrongRequest.slug, "reason": "the acknowledgement, which came later, names another request"}
    _queue_disowned(connection, job_id, list(connection.execute(select(tables.delivery.c.id).where(false)).scalars()))
    connection.execute(update(tables.delivery).where(false).values(told))
    for table in (tables.event, tables.task, tables.image):
        connection.execute(table.delete().where(table.c.job_id == job_id))
    nothing = dict.fromkeys(("finished_at", "delivered_at", "error_code", "error_message", "cost_usd"))
    connection.execute(update(tables.job).where(tables.job.c.id == job_id).values(nothing))
    return {"standing": int(Standing.PENDING), **nothing}


def _queue_disowned(connection: Connection, job_id: str, deliveries: list[str]) -> None:
    """Its deliveries are sealed once more as they are now, and of its events, images and end that they are gone."""
    event, image = tables.event.c, tables.image.c
    events = connection.execute(select(event.job_id, event.event_id).where(event.job_id == job_id)).all()
    held = select(image.job_id, image.key).where(image.job_id == job_id, image.sha256.is_not(None))
    trail.queue(connection, "delivery", deliveries)
    trail.queue(connection, "event", [ref_of(*row) for row in events])
    trail.queue(connection, "image", [ref_of(*row) for row in connection.execute(held)])
    queue_end(connection, [job_id])


def queue_end(connection: Connection, job_ids: Sequence[str]) -> None:
    """Of these jobs, those that have ended are sealed as they are now."""
    job = tables.job.c
    ended = select(job.id).where(job.id.in_(job_ids), job.standing >= int(Standing.EXPIRED))
    trail.queue(connection, "end", connection.execute(ended).scalars())


def failed(
    connection: Connection, job_id: str, failure: Failure, now: datetime, to: Standing = Standing.FAILED
) -> None:
    """The provider refused the job (or its deadline passed): it fails unless more is known of it by now."""
    job = _job(connection, job_id)
    if job["standing"] >= to:
        return
    changes = {**stand(job, to, now), "error_code": failure.code, "error_message": failure.message}
    connection.execute(update(tables.job).where(tables.job.c.id == job_id).values(changes))
    queue_end(connection, [job_id])
    announce(connection)


def cancelled(connection: Connection, job_id: str, now: datetime) -> dict[str, Any]:
    """A person wants no more of a job: it ends here, and is not asked about. Returns its columns as they were.

    What comes later is still written down, and a result climbs over it, for it was made and paid for.
    Raises NoSuchJob, and Impossible for a job that has an end.
    """
    job = _job(connection, job_id)
    if job["standing"] >= Standing.EXPIRED:
        raise Impossible(f"job {job_id} is {job['status']} already: there is nothing to cancel")
    why = Failure("cancelled", "cancelled by hand" if job["called_at"] else "cancelled by hand before it was sent")
    failed(connection, job_id, why, now, Standing.CANCELLED)
    return job


def questions(connection: Connection, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Jobs to ask about now, longest overdue first; each comes back when its lease is over, or as `ask_again` says."""
    asked = reached(tables.job.c.ask_at, now, LONGEST_WAIT)
    due = select(tables.job).where(asked).order_by(tables.job.c.ask_at).limit(limit)
    found = [dict(row) for row in connection.execute(due.with_for_update(skip_locked=True)).mappings()]
    mine = tables.job.c.id.in_([job["id"] for job in found])
    taken = {"ask_at": now + QUESTION_LEASE, "asks": tables.job.c.asks + 1}
    connection.execute(update(tables.job).where(mine).values(taken))
    return found


def ask_again(connection: Connection, job_id: str, now: datetime, at: datetime) -> None:
    """Set the next question, unless a hint wants one at once. A job that has ended (`retry`) is asked about once."""
    which = (tables.job.c.id == job_id) & (tables.job.c.ask_at > now)
    again = case((tables.job.c.standing < int(Standing.EXPIRED), literal(at, tables.Moment())), else_=None)
    connection.execute(update(tables.job).where(which).values(ask_at=again))


def chores(connection: Connection, now: datetime) -> bool:
    """Whether the reconciler has anything to do: a look that takes no lock."""
    job = tables.job.c
    # the ends of an index, each found at once; `reached` says the same of every row
    first, last = select(func.min(job.ask_at)).scalar_subquery(), select(func.max(job.ask_at)).scalar_subquery()
    oldest = select(func.min(job.deadline_at)).where(tables.OPEN).scalar_subquery()
    wanted = or_(first <= now, last > now + 2 * LONGEST_WAIT, oldest <= now, exists().where(sending.never_called(now)))
    return bool(connection.execute(select(wanted)).scalar())


def _late(now: datetime) -> ColumnElement[bool]:
    return and_(tables.OPEN, tables.job.c.deadline_at <= now)


def late(connection: Connection, now: datetime) -> list[str]:
    """The ids of jobs whose deadline has passed with no end known, the longest overdue first; some, if many."""
    job = tables.job.c
    query = select(job.id).where(_late(now)).order_by(job.deadline_at).limit(MOST_AT_ONCE)
    return list(connection.execute(query).scalars())


def expire(connection: Connection, job_ids: Sequence[str], now: datetime) -> list[str]:
    """Of these jobs, those that are still late become `expired`, with what is known of why."""
    query = select(tables.job).where(tables.job.c.id.in_(job_ids), _late(now)).order_by(tables.job.c.id)
    jobs = [dict(row) for row in connection.execute(query).mappings()]
    for job in jobs:
        failed(connection, job["id"], _why_late(connection, job), now, Standing.EXPIRED)
    return [job["id"] for job in jobs]


def _why_late(connection: Connection, job: dict[str, Any]) -> Failure:
    if job["request_id"] is None and job["called_at"] is None:
        held = f": {job['error_message']}" if job["error_message"] else ""
        return Failure("never_sent", f"the call to the provider was never made; nothing was paid{held}")
    if job["request_id"] is None:
        return Failure("never_acknowledged", "the provider's answer to our call never came, nor did a callback")
    here = connection.execute(select(tables.image.c.key).where(tables.image.c.job_id == job["id"])).all()
    if here:
        return Failure("incomplete", f"{len(here)} of {job['expected']} images were announced by the deadline")
    return Failure("deadline_passed", "the provider had not finished by the deadline, as far as we could learn")


def _job(connection: Connection, job_id: str) -> dict[str, Any]:
    job = one(connection, tables.job, lock=True, id=job_id)
    if job is None:
        raise NoSuchJob(f"there is no job {job_id}")
    return job
