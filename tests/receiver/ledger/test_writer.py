"""The writer: group commit, one thread; an answer only after COMMIT, a bad fact alone, a busy database said so."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from receiver.errors import LedgerBusy
from receiver.ledger import database, tables, writer
from receiver.ledger.database import connect
from receiver.ledger.glance import sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.ledger.writer import Writer
from tests.receiver.ledger import ledgers

WAIT = 20
"""Seconds after which a test that hangs is a failure."""


@pytest.fixture
def file(sqlite_url: str) -> Path:
    """A database with one table whose rows count what was applied; nothing makes them unique."""
    path = sqlite_file(sqlite_url)
    assert path is not None
    _ask(path, "CREATE TABLE applied (name TEXT NOT NULL)")
    return path


@pytest.fixture
def engine(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 50)
    made = connect(f"sqlite:///{file}", write=True)
    yield made
    made.dispose()


@pytest.fixture
def writing(engine: Engine) -> Iterator[Writer]:
    made = Writer(lambda: engine)
    yield made
    made.close()


class Gate:
    """A fact that keeps the writer inside a transaction until `open` is set: what comes meanwhile is one batch."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, connection: Connection) -> None:
        self.reached.set()
        assert self.open.wait(WAIT)


def applies(name: str) -> Callable[[Connection], str]:
    def fact(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO applied VALUES (?)", (name,))
        return name

    return fact


def breaks(connection: Connection) -> None:
    applies("never")(connection)
    raise ValueError("a defect")


def _ask(path: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(sql).fetchall()
    finally:
        connection.close()


def names(path: Path) -> list[str]:
    return [name for (name,) in _ask(path, "SELECT name FROM applied ORDER BY name")]


def batch(writing: Writer, *facts: Callable[[Connection], Any]) -> list["Future[Any]"]:
    """The futures of facts that go into one transaction."""
    gate = Gate()
    first = writing.submit(gate)
    assert gate.reached.wait(WAIT)
    futures = [writing.submit(fact) for fact in facts]
    gate.open.set()
    first.result(WAIT)
    return futures


def test_a_future_resolves_after_commit(writing: Writer, file: Path) -> None:
    """What a caller is told stands already: a second connection sees it the moment the future is done."""
    gate = Gate()
    writing.submit(gate)
    seen: list[list[str]] = []
    future = writing.submit(applies("fact"))
    future.add_done_callback(lambda _: seen.append(names(file)))
    gate.open.set()
    future.result(WAIT)
    writing.close()

    assert seen == [["fact"]]


def test_facts_that_wait_are_one_transaction(writing: Writer, engine: Engine, file: Path) -> None:
    """Whatever arrives during a commit is the next batch."""
    begun: list[int] = []
    event.listen(engine, "begin", lambda _: begun.append(1))

    results = [future.result(WAIT) for future in batch(writing, *map(applies, "abc"))]

    assert (results, len(begun), names(file)) == (["a", "b", "c"], 2, ["a", "b", "c"])


def test_a_failing_fact_fails_alone(writing: Writer, file: Path) -> None:
    """One bad fact takes no neighbour along, and what its batch had done is not done twice."""
    one, bad, two = batch(writing, applies("one"), breaks, applies("two"))

    assert (one.result(WAIT), two.result(WAIT)) == ("one", "two")
    with pytest.raises(ValueError, match="a defect"):
        bad.result(WAIT)
    assert names(file) == ["one", "two"]


def test_a_fact_that_the_database_refuses_is_busy(writing: Writer, file: Path) -> None:
    """No error of the database's driver reaches a caller: LedgerBusy does, with its cause kept."""
    bad, good = batch(writing, lambda each: each.exec_driver_sql("INSERT INTO nowhere VALUES (1)"), applies("good"))

    with pytest.raises(LedgerBusy) as caught:
        bad.result(WAIT)
    assert "nowhere" in str(caught.value.__cause__)
    assert (good.result(WAIT), names(file)) == ("good", ["good"])


def test_a_locked_database_is_busy_for_all_at_once(writing: Writer, engine: Engine, file: Path) -> None:
    """Another process holds the lock: the whole batch waits once, not each fact in turn; afterwards all is well."""
    refused: list[object] = []
    event.listen(engine, "handle_error", refused.append)
    gate = Gate()
    first = writing.submit(gate)
    assert gate.reached.wait(WAIT)
    other = sqlite3.connect(file, isolation_level=None, timeout=WAIT, check_same_thread=False)
    try:
        # between the first transaction and the next: done-callbacks run in the writer's thread
        first.add_done_callback(lambda _: other.execute("BEGIN IMMEDIATE"))
        waiting = [writing.submit(applies(str(n))) for n in range(50)]
        gate.open.set()
        errors = [future.exception(WAIT) for future in waiting]
        other.execute("ROLLBACK")
    finally:
        other.close()

    assert {type(error) for error in errors} == {LedgerBusy}
    assert len(refused) == 1
    assert writing.submit(applies("after")).result(WAIT) == "after"
    assert names(file) == ["after"]


def test_a_database_that_is_away_is_busy(tmp_path: Path) -> None:
    """A database that cannot be opened is LedgerBusy, and the writer lives on until it can."""
    place = tmp_path / "away.db"
    place.mkdir()
    engine = connect(f"sqlite:///{place}", write=True)
    writing = Writer(lambda: engine)
    try:
        with pytest.raises(LedgerBusy):
            writing.submit(applies("lost")).result(WAIT)
        place.rmdir()
        _ask(place, "CREATE TABLE applied (name TEXT NOT NULL)")
        writing.submit(applies("back")).result(WAIT)
    finally:
        writing.close()
        engine.dispose()

    assert names(place) == ["back"]


def test_the_queue_is_bounded(writing: Writer, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue is LedgerBusy at once: the sender keeps the delivery, our memory stays ours."""
    monkeypatch.setattr(writer, "MOST_WAITING", 3)
    gate = Gate()
    writing.submit(gate)
    assert gate.reached.wait(WAIT)
    taken = [writing.submit(applies(name)) for name in "abc"]

    with pytest.raises(LedgerBusy, match="too many"):
        writing.submit(applies("d"))
    gate.open.set()

    assert ([future.result(WAIT) for future in taken], names(file)) == (["a", "b", "c"], ["a", "b", "c"])


def test_close_writes_what_waits(writing: Writer, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing loses nothing, however many batches still wait; afterwards the writer takes nothing."""
    monkeypatch.setattr(writer, "MOST_IN_BATCH", 2)
    gate = Gate()
    writing.submit(gate)
    futures = [writing.submit(applies(name)) for name in "abcde"]
    closing = threading.Thread(target=writing.close)
    closing.start()
    gate.open.set()
    closing.join(WAIT)

    assert all(future.done() for future in futures)
    assert names(file) == list("abcde")
    with pytest.raises(LedgerBusy, match="stopping"):
        writing.submit(applies("late"))


def test_close_without_facts_ends(engine: Engine) -> None:
    """A writer that never wrote has no thread to wait for, and may be closed twice."""
    idle = Writer(lambda: engine)

    idle.close()
    idle.close()


def test_a_withdrawn_fact_is_not_applied(writing: Writer, file: Path) -> None:
    """A caller that has gone before its fact began took it along; once begun, it cannot be withdrawn."""
    gate = Gate()
    first = writing.submit(gate)
    assert gate.reached.wait(WAIT)
    gone, stays = writing.submit(applies("gone")), writing.submit(applies("stays"))

    withdrawn = (first.cancel(), gone.cancel())
    gate.open.set()

    assert (withdrawn, stays.result(WAIT), names(file)) == ((False, True), "stays", ["stays"])


async def test_a_cancelled_callers_fact_is_applied_once_at_most(ledger: Ledger) -> None:
    """A request that is cancelled in flight and sent again is one event, whether or not the first was written."""
    job_id = await ledgers.opened(ledger)
    came = ledgers.arrival(job_id, ledgers.success(ledgers.image()))
    first = [asyncio.create_task(ledger.record(came)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in first:
        task.cancel()
    await asyncio.gather(*first, return_exceptions=True)

    await ledger.record(came)

    assert len(ledgers.rows(ledger, tables.event)) == len(ledgers.rows(ledger, tables.delivery)) == 1


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="priorities are a thread's own on Linux")
def test_it_keeps_its_priority(writing: Writer) -> None:
    """A process that steps back once the ledger is open leaves the writer as it was: others wait for its lock."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    learned: list[int] = []

    def steps_back() -> None:
        os.nice(5)  # of this thread alone
        learned.append(writing.submit(lambda _: os.getpriority(os.PRIO_PROCESS, 0)).result(WAIT))

    stepping = threading.Thread(target=steps_back)
    stepping.start()
    stepping.join(WAIT)

    assert learned == [before]
