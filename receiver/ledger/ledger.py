"""The ledger: every write is a fact given to the one writer thread, every read a connection of its own."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from receiver.errors import LedgerBusy, NoSuchJob
from receiver.ledger import glance
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.engines import Engines
from receiver.ledger.later import Later
from receiver.ledger.news import Ear, News
from receiver.ledger.recorder import Recorder
from receiver.ledger.rules import Standing
from receiver.ledger.scribes import open_scribe
from receiver.ledger.turns import Turns
from receiver.ledger.watch import Watch
from receiver.ledger.writer import Writer
from receiver.wire.orders import Acknowledged
from receiver.wire.types import Failure

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from receiver.ledger import duties, incoming, jobs, rows, schema, searching, sending, tables, tasks, views
    from receiver.ledger.jobs import Opening
    from receiver.ledger.now_reading import NowView
    from receiver.ledger.searching import DeliveryDetail, DeliveryPage, JobPage, Wanted
    from receiver.ledger.tasks import Collected, Task
    from receiver.ledger.views import DeliveryView, JobView
else:  # all that stands on SQLAlchemy: recording an arrival does not
    names = ("duties", "incoming", "jobs", "rows", "schema", "searching", "sending", "tables", "tasks", "views")
    duties, incoming, jobs, rows, schema, searching, sending, tables, tasks, views = (
        Later(f"receiver.ledger.{name}") for name in names
    )

T = TypeVar("T")


class Ledger:
    """Rows behind DATABASE_URL. Methods are named for what happened; each is one transaction."""

    def __init__(self, database_url: str) -> None:
        """Raises Misconfigured for a URL we cannot use, or a schema of another release."""
        file = glance.sqlite_file(database_url)
        if file is None or not glance.is_current(file):
            schema.check_schema(database_url)
        self._file = file
        self._engines = Engines(database_url)
        self._writer = Writer(self._engines.writing, Turns(file) if file else None)
        self._recorder = Recorder(open_scribe(database_url))
        self._news = News(database_url)
        self._watch = Watch()

    def close(self) -> None:
        """Write what waits, then let go of the database."""
        self._recorder.close()
        self._writer.close()
        self._engines.dispose()

    async def fact(self, fact: "Callable[[Connection], T]", jobs: Collection[str] = ()) -> T:
        """Let the one writer write: for the rooms of the ledger. `jobs` are those of which it changes rows."""
        return await asyncio.wrap_future(self._writer.submit(fact, jobs))

    async def read(self, view: "Callable[[Connection], T]") -> T:
        """Look with a connection of its own: for the rooms of the ledger. Raises LedgerBusy."""
        return await asyncio.to_thread(self._look, view)

    def _look(self, view: "Callable[[Connection], T]") -> T:
        engine = self._engines.reading()
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  see engines.py
        from sqlalchemy.exc import TimeoutError as PoolTimeout  # noqa: PLC0415

        try:
            with engine.connect() as connection:
                return view(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise LedgerBusy("the database does not answer right now") from error

    def listening(self, rest: float = 0.0) -> AbstractAsyncContextManager[Ear]:
        """An ear for what any process commits; its `changed` returns at most every `rest` seconds."""
        return self._news.listening(rest)

    async def ready(self) -> None:
        """Raises LedgerBusy when the database does not answer."""
        if self._file is None:
            await self.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
        elif not await asyncio.to_thread(glance.is_current, self._file):
            raise LedgerBusy("the database does not answer right now")

    async def job(self, job_id: str) -> "JobView":
        """Raises NoSuchJob."""
        found = await self.read(lambda c: views.job_view(c, job_id))
        if found is None:
            raise NoSuchJob(f"there is no job {job_id}; `proofhook jobs` lists those there are")
        return found

    async def jobs(self, **wanted: Any) -> "list[JobView]":
        """Newest first; takes status, provider, since, before, limit."""
        return await self.read(lambda c: views.job_views(c, **wanted))

    async def deliveries(self, **wanted: Any) -> "tuple[DeliveryView, ...]":
        """Newest first; takes job_id, verdict, before, limit."""
        return await self.read(lambda c: views.delivery_views(c, **wanted))

    async def search(self, wanted: "Wanted", cursor: str = "", limit: int = 48) -> "JobPage":
        """Jobs that are wanted, newest first, a page at a time. Raises Malformed."""
        return await self.read(lambda c: searching.search(c, wanted, cursor, limit))

    async def came_in(
        self, provider: str = "", verdict: str = "", job_id: str = "", cursor: str = "", limit: int = 50
    ) -> "DeliveryPage":
        """Deliveries, newest first, a page at a time; the verdict `refused` is every refusal. Raises Malformed."""
        return await self.read(lambda c: incoming.came_in(c, provider, verdict, job_id, cursor, limit))

    async def delivery(self, delivery_id: str) -> "DeliveryDetail":
        """Raises NoSuchDelivery."""
        return await self.read(lambda c: incoming.detail(c, delivery_id))

    async def now_view(self, now: datetime) -> "NowView":
        """What is true now, at most a second old."""
        fresh = self._watch.fresh(now)
        return fresh if fresh is not None else await self.read(lambda c: self._watch.look(c, now))

    async def row(self, job_id: str) -> dict[str, Any]:
        """The job's own columns, for those who go on working on it. Raises NoSuchJob."""
        found = await self.read(lambda c: rows.one(c, tables.job, id=job_id))
        if found is None:
            raise NoSuchJob(f"there is no job {job_id}")
        return found

    async def body(self, delivery_id: str) -> tuple[bytes | None, str] | None:
        """A delivery's body (None where it stands in storage) and its hash."""
        found = await self.read(lambda c: rows.one(c, tables.delivery, id=delivery_id))
        return (found["body"], found["body_sha256"]) if found else None

    async def record(self, arrival: Arrival) -> Recorded:
        return await self._recorder.record(arrival)

    async def opened(self, opening: "Opening") -> tuple[str, bool]:
        return await self.fact(lambda c: jobs.open_job(c, opening))

    async def called(self, job_id: str, now: datetime) -> bool:
        return await self.fact(lambda c: sending.called(c, job_id, now), [job_id])

    async def held_up(self, job_id: str, why: Failure, until: datetime) -> bool:
        return await self.fact(lambda c: sending.held_up(c, job_id, why, until), [job_id])

    async def noted(self, job_id: str, said: Acknowledged, now: datetime) -> bool:
        return await self.fact(lambda c: jobs.noted(c, job_id, said, now), [job_id])

    async def failed(self, job_id: str, failure: Failure, now: datetime, to: Standing = Standing.FAILED) -> None:
        await self.fact(lambda c: jobs.failed(c, job_id, failure, now, to), [job_id])

    async def cancelled(self, job_id: str, now: datetime) -> dict[str, Any]:
        return await self.fact(lambda c: jobs.cancelled(c, job_id, now), [job_id])

    async def expired(self, now: datetime) -> list[str]:
        late = await self.read(lambda c: jobs.late(c, now))
        return await self.fact(lambda c: jobs.expire(c, late, now), late) if late else []

    async def chores(self, now: datetime) -> bool:
        return await self.read(lambda c: jobs.chores(c, now))

    async def questions(self, now: datetime, limit: int = 20) -> list[dict[str, Any]]:
        return await self.fact(lambda c: jobs.questions(c, now, limit))

    async def ask_again(self, job_id: str, now: datetime, at: datetime) -> None:
        await self.fact(lambda c: jobs.ask_again(c, job_id, now, at), [job_id])

    async def unsent(self, now: datetime, limit: int = 20, but: Collection[str] = ()) -> list[dict[str, Any]]:
        return await self.read(lambda c: sending.unsent(c, now, limit, but))

    async def is_due(self, now: datetime) -> bool:
        return await self.read(lambda c: tasks.is_due(c, now))

    async def leased(self, worker: str, now: datetime, until: datetime, limit: int) -> "list[Task]":
        return await self.fact(lambda c: tasks.lease(c, worker, now, until, limit))

    async def renewed(self, worker: str, held: "Sequence[Task]", until: datetime) -> None:
        await self.fact(lambda c: tasks.renew(c, worker, held, until), [task.job_id for task in held])

    async def given_back(self, worker: str) -> None:
        held = await self.read(lambda c: tasks.held(c, worker))
        await self.fact(lambda c: tasks.give_back(c, worker), held)

    async def stored(self, task: "Task", image: "Collected", now: datetime) -> bool:
        return await self.fact(lambda c: tasks.stored(c, task, image, now), [task.job_id])

    async def thumbnail_wanted(self, job_id: str, key: str, now: datetime) -> None:
        await self.fact(lambda c: tasks.thumbnail_wanted(c, job_id, key, now), [job_id])

    async def taken(self, task: "Task") -> None:
        await self.fact(lambda c: tasks.taken(c, task), [task.job_id])

    async def put_off(self, task: "Task", error: str, due_at: datetime, *, spent: bool = True) -> None:
        await self.fact(lambda c: tasks.put_off(c, task, error, due_at, spent=spent), [task.job_id])

    async def buried(self, task: "Task", error: str, now: datetime) -> None:
        await self.fact(lambda c: tasks.buried(c, task, error, now), [task.job_id])

    async def unstaged(self, task: "Task") -> None:
        await self.fact(lambda c: tasks.unstage(c, task), [task.job_id])

    async def retried(self, job_id: str, now: datetime) -> int:
        return await self.fact(lambda c: tasks.retry(c, job_id, now), [job_id])

    async def duty_is_free(self, name: str, now: datetime) -> bool:
        return await self.read(lambda c: duties.is_free(c, name, now))

    async def duty_taken(self, name: str, holder: str, now: datetime) -> bool:
        return await self.fact(lambda c: duties.take(c, name, holder, now))

    async def duty_given_up(self, name: str, holder: str) -> None:
        await self.fact(lambda c: duties.give_up(c, name, holder))
