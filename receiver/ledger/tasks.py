"""Tasks: leased earliest expiry first, settled, put off, buried as a dead letter, taken up again by `retry`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select, tuple_, update

from receiver.errors import NoSuchJob
from receiver.ledger import rules, tables, trail
from receiver.ledger.climb import stand
from receiver.ledger.clocks import reached
from receiver.ledger.names import ref_of
from receiver.ledger.news import announce
from receiver.ledger.rows import insert_new, one
from receiver.ledger.rules import Standing

LEASE = timedelta(seconds=30)
"""A dead worker's tasks are taken up again after this; a live one renews every third of it."""
LONGEST_WAIT = timedelta(seconds=60)
"""How long a task may have to wait: between two attempts, or for the upload that makes a download needless."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image to collect: its URL, or bytes that storage already holds (`staged_sha256`)."""

    job_id: str
    image_key: str
    provider: str
    url: str | None
    staged_sha256: str | None
    staged_by: str | None
    attempts: int
    expires_at: datetime | None
    announced_at: datetime | None = None
    sha256: str | None = None
    """Of an image that is stored already: only its thumbnail is wanted."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A checked image, stored byte-exact. `arrived_by`: download | upload | inline."""

    sha256: str
    media_type: str
    width: int
    height: int
    bytes: int
    arrived_by: str


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether any task wants doing: a look that takes no lock, so that an idle worker disturbs nobody."""
    return connection.execute(select(tables.task.c.job_id).where(_due(now)).limit(1)).first() is not None


def _due(now: datetime) -> ColumnElement[bool]:
    task = tables.task.c
    free = or_(task.leased_until.is_(None), reached(task.leased_until, now, LEASE))
    return and_(task.dead_at.is_(None), reached(task.due_at, now, LONGEST_WAIT), free)


def lease(connection: Connection, worker: str, now: datetime, until: datetime, limit: int) -> list[Task]:
    """Take due tasks, soonest-expiring first; a task whose lease ran out is anybody's again."""
    task = tables.task.c
    names: list[tuple[str, str]] = []
    # in two steps, each in the order of the index: those that expire, then those that do not
    for some, first in ((task.expires_at.is_not(None), task.expires_at), (task.expires_at.is_(None), task.due_at)):
        if room := limit - len(names):
            query = select(task.job_id, task.image_key).where(_due(now), some).order_by(first, task.due_at).limit(room)
            names += [(job_id, key) for job_id, key in connection.execute(query.with_for_update(skip_locked=True))]
    if not names:
        return []
    mine = {"leased_until": until, "leased_by": worker, "attempts": task.attempts + 1}
    connection.execute(update(tables.task).where(_among(names)).values(mine))
    return _tasks(connection, names)


def renew(connection: Connection, worker: str, held: Sequence[Task], until: datetime) -> None:
    """Keep what this worker still works on; what it let go of in silence runs out."""
    if held:
        mine = _among([(task.job_id, task.image_key) for task in held]) & (tables.task.c.leased_by == worker)
        connection.execute(update(tables.task).where(mine).values(leased_until=until))


def held(connection: Connection, worker: str) -> list[str]:
    """The jobs of what a worker has on lease."""
    task = tables.task.c
    return list(connection.execute(select(task.job_id).where(task.leased_by == worker)).scalars())


def give_back(connection: Connection, worker: str) -> None:
    """Return every lease of a worker that stops."""
    free = {"leased_until": None, "leased_by": None, "attempts": tables.task.c.attempts - 1}
    connection.execute(update(tables.task).where(tables.task.c.leased_by == worker).values(free))
    announce(connection)


def stored(connection: Connection, task: Task, image: Collected, now: datetime) -> bool:
    """The image is here and checked; its job is delivered when it was the last. False when it was here already."""
    job = one(connection, tables.job, lock=True, id=task.job_id)
    which = (tables.image.c.job_id == task.job_id) & (tables.image.c.key == task.image_key)
    facts = {name: getattr(image, name) for name in Collected.__dataclass_fields__} | {"stored_at": now}
    fresh = (
        connection.execute(update(tables.image).where(which, tables.image.c.sha256.is_(None)).values(facts)).rowcount
        == 1
    )
    connection.execute(tables.task.delete().where(*_named(task.job_id, task.image_key)))
    if job is not None and fresh:
        held = connection.execute(select(tables.image.c.sha256).where(tables.image.c.job_id == task.job_id)).scalars()
        after = rules.settle(Standing(job["standing"]), (digest is not None for digest in held))
        connection.execute(update(tables.job).where(tables.job.c.id == job["id"]).values(stand(job, after, now)))
        trail.queue(connection, "image", [ref_of(task.job_id, task.image_key)])
        trail.queue(connection, "end", [job["id"]] if after >= Standing.EXPIRED else [])
    announce(connection)
    return fresh


def thumbnail_wanted(connection: Connection, job_id: str, key: str, now: datetime) -> None:
    """Somebody looks at a stored image that has no thumbnail: a task like any other, but settled by `taken`."""
    image = one(connection, tables.image, job_id=job_id, key=key)
    if image is not None and image["sha256"] is not None:
        row = {"job_id": job_id, "image_key": key, "due_at": now, "attempts": 0}
        if insert_new(connection, tables.task, row):
            announce(connection)


def taken(connection: Connection, task: Task) -> None:
    """A wish for a thumbnail was heard; it is made when there is nothing better to do."""
    connection.execute(tables.task.delete().where(*_named(task.job_id, task.image_key)))


def put_off(connection: Connection, task: Task, error: str, due_at: datetime, *, spent: bool = True) -> None:
    """The attempt failed in a way that may pass; where we were at fault it is not `spent`."""
    changes: dict[str, Any] = {"due_at": due_at, "leased_until": None, "leased_by": None, "error": error}
    changes |= {} if spent else {"attempts": tables.task.c.attempts - 1}
    connection.execute(update(tables.task).where(*_named(task.job_id, task.image_key)).values(changes))
    announce(connection)


def buried(connection: Connection, task: Task, error: str, now: datetime) -> None:
    """A dead letter: out of attempts, or beyond help; shown, and taken up again by `retry` only."""
    changes = {"dead_at": now, "leased_until": None, "leased_by": None, "error": error}
    connection.execute(update(tables.task).where(*_named(task.job_id, task.image_key)).values(changes))
    announce(connection)


def unstage(connection: Connection, task: Task) -> None:
    """Staged bytes turned out to be no image: forget them, so that the URL or another PUT may still bring it."""
    which = (tables.image.c.job_id == task.job_id) & (tables.image.c.key == task.image_key)
    connection.execute(update(tables.image).where(which).values(staged_sha256=None, staged_by=None))


def retry(connection: Connection, job_id: str, now: datetime) -> int:
    """Take a job up again: revive its dead letters, and ask its provider where the end is not known. Counts both."""
    job = one(connection, tables.job, lock=True, id=job_id)
    if job is None:
        raise NoSuchJob(f"there is no job {job_id}")
    if gone := one(connection, tables.purge, job_id=job_id):
        raise NoSuchJob(f"job {job_id} was purged on {gone['purged_at']:%Y-%m-%d}: nothing is left to take up again")
    dead = (tables.task.c.job_id == job_id) & tables.task.c.dead_at.is_not(None)
    fresh = {"dead_at": None, "due_at": now, "attempts": 0, "error": None}
    revived = connection.execute(update(tables.task).where(dead).values(fresh)).rowcount
    if job["standing"] < Standing.SUCCEEDED and job["request_id"] is not None:
        connection.execute(update(tables.job).where(tables.job.c.id == job_id).values(ask_at=now))
        revived += 1
    announce(connection)
    return revived


def _named(job_id: str, key: str) -> tuple[Any, Any]:
    return (tables.task.c.job_id == job_id, tables.task.c.image_key == key)


def _among(names: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    task = tables.task.c
    # the first condition says nothing more, but SQLite uses the primary key for it alone
    return and_(task.job_id.in_([job_id for job_id, _ in names]), tuple_(task.job_id, task.image_key).in_(names))


def _tasks(connection: Connection, names: Sequence[tuple[str, str]]) -> list[Task]:
    """The tasks of these names, in their order."""
    task, image, job = tables.task, tables.image.c, tables.job.c
    whole = task.outerjoin(tables.image, (image.job_id == task.c.job_id) & (image.key == task.c.image_key))
    whole = whole.outerjoin(tables.job, job.id == task.c.job_id)
    columns = (
        task.c.job_id, task.c.image_key, job.provider, image.url, image.staged_sha256, image.staged_by,
        task.c.attempts, image.expires_at, image.announced_at, image.sha256,
    )  # fmt: skip
    rows = connection.execute(select(*columns).select_from(whole).where(_among(names))).mappings()
    found = {(row["job_id"], row["image_key"]): Task(**row) for row in rows}
    return [found[name] for name in names]
