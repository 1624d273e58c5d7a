"""Group commit: one thread, one connection; whatever arrives during a commit is the next batch.

No timer: under load batches grow by themselves, and a lone fact is committed at once. A future resolves only
after COMMIT (`synchronous=FULL`), so an answer given after it is never taken back. A batch that fails is
retried fact by fact, so that one bad row cannot fail its neighbours. A batch holds all jobs that it touches before it
begins (see deadlocks.py).
"""

import threading
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from receiver.errors import LedgerBusy
from receiver.ledger.deadlocks import again, hold
from receiver.ledger.turns import Turns

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")
Fact = Callable[["Connection"], Any]
"""One thing that happened: runs inside the batch's transaction and returns what the caller learns."""

MOST_WAITING = 4096
MOST_IN_BATCH = 256


class Waiting(NamedTuple):
    """A fact, the jobs of which it changes rows (those that it opens aside), and who waits for it."""

    fact: Fact
    jobs: Collection[str]
    future: Future[Any]


class Writer:
    """The only thread of this process that writes rows.

    Starts at once, with the priority of the thread that makes it: one that steps back later does not take it along,
    and others wait for the lock that it holds.
    """

    def __init__(self, engine: "Callable[[], Engine]", turns: Turns | None = None) -> None:
        """`engine` is asked in the writer's thread; `turns` where the database is a file: one writes at a time."""
        self._engine = engine
        self._turns = turns
        self._waiting: deque[Waiting] = deque()
        self._news = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, fact: "Callable[[Connection], T]", jobs: Collection[str] = ()) -> "Future[T]":
        """Queue a fact, with the jobs that it changes, or rows of.

        Its future fails with LedgerBusy where the database does not answer or the queue is full.
        """
        future: Future[T] = Future()
        with self._news:
            if self._closing or len(self._waiting) >= MOST_WAITING:
                raise LedgerBusy(
                    "the ledger is stopping" if self._closing else "too many deliveries wait to be written"
                )
            self._waiting.append(Waiting(fact, jobs, cast("Future[Any]", future)))
            self._news.notify()
        return future

    def close(self) -> None:
        """Write what waits, then end."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join()
        if self._turns is not None:
            self._turns.close()

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            # a caller that has gone away took its fact along; from here on a fact can no longer be withdrawn
            live = [each for each in batch if each.future.set_running_or_notify_cancel()]
            try:
                results = self._commit(live)
            except LedgerBusy as busy:  # nothing has begun: each alone would only wait as long again
                for each in live:
                    each.future.set_exception(_busy(busy.__cause__))
            except Exception:  # noqa: BLE001  whatever one fact raised, each gets its own chance
                for each in live:
                    self._alone(each)
            else:
                for each, result in zip(live, results, strict=True):
                    each.future.set_result(result)

    def _next(self) -> list[Waiting] | None:
        with self._news:
            while not self._waiting and not self._closing:
                self._news.wait()
            if not self._waiting:
                return None
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IN_BATCH))]

    def _commit(self, batch: list[Waiting]) -> list[Any]:
        engine = self._engine()
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  see engines.py

        begun = False
        try:
            with self._turns.mine() if self._turns else nullcontext(), engine.begin() as connection:
                begun = True
                jobs = {job_id for each in batch for job_id in each.jobs}
                if len(batch) > 1 or len(jobs) > 1:  # one fact of one job takes that first by itself, or nothing else
                    hold(connection, jobs)
                return [each.fact(connection) for each in batch]
        except DBAPIError as error:
            if begun:
                raise
            raise _busy(error) from error

    def _alone(self, each: Waiting) -> None:
        try:
            [result] = again(lambda: self._commit([each]))
        except Exception as error:  # noqa: BLE001  a defect of ours must reach its caller, not kill the thread
            each.future.set_exception(_busy(error) if _of_database(error) else error)
        else:
            each.future.set_result(result)


def _of_database(error: Exception) -> bool:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  see engines.py

    return isinstance(error, DBAPIError)


def _busy(error: BaseException | None) -> LedgerBusy:
    busy = LedgerBusy("the database does not take rows right now")
    busy.__cause__ = error
    return busy
