"""Deadlocks on a server: batches take jobs in one order, and what the server ended all the same is run again."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from receiver.errors import LedgerBusy
from receiver.ledger import deadlocks, tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.tasks import Task
from tests.receiver.ledger.ledgers import LATER, NOW, SOON, arrival, image, opened, rows, success

WAIT = 20
"""Seconds after which a test that hangs is a failure."""
RING = "options=-c%20deadlock_timeout%3D60s%20-c%20lock_timeout%3D3s"
"""The server ends no ring by itself: those who stand in one are busy after the bound on waiting."""
ENDED = "RAISE EXCEPTION 'a ring' USING ERRCODE = '40P01'"


class Gate:
    """A fact that keeps its batch inside the transaction until `ready`."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self.reached, self._ready = asyncio.Event(), ready
        self._loop = asyncio.get_running_loop()

    def __call__(self, connection: Connection) -> None:
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self._ready()


@asynccontextmanager
async def one_batch(ledger: Ledger) -> AsyncIterator[None]:
    """What is begun inside the block is one transaction of the writer's."""
    go = threading.Event()
    gate = Gate(lambda: go.wait(WAIT))
    held = asyncio.create_task(ledger.fact(gate))
    await gate.reached.wait()
    yield
    await asyncio.sleep(0)  # each of them queues its fact
    go.set()
    await held


def somebody_waits(url: str) -> bool:
    """True as soon as somebody waits for a lock in that database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True, options=f"-c statement_timeout={WAIT * 1000}") as connection:
        for _ in range(100_000):
            [waiting] = connection.execute(query).fetchone() or [0]
            if waiting:
                return True
    return False


@pytest.fixture
async def house(postgres_url: str) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """Two processes on one database."""
    async with AsyncExitStack() as stack:
        pair = Ledger(f"{postgres_url}&{RING}"), Ledger(f"{postgres_url}&{RING}")
        for each in pair:
            stack.push_async_callback(asyncio.to_thread, each.close)
        yield pair


def _task(job_id: str) -> Task:
    return Task(job_id, "0", "fal", "https://fal.media/0.png", None, None, 1, None)


FACTS: dict[str, Callable[[Ledger, str], Coroutine[Any, Any, Any]]] = {
    "cancelled": lambda ledger, job_id: ledger.cancelled(job_id, NOW),
    "put off": lambda ledger, job_id: ledger.put_off(_task(job_id), "no", SOON),
    "retried": lambda ledger, job_id: ledger.retried(job_id, NOW),
    "given back": lambda ledger, _: ledger.given_back("w"),
    "expired": lambda ledger, _: ledger.expired(LATER),
}
"""What is done to the higher of two jobs, and then to the lower."""


@pytest.mark.parametrize(
    "pair",
    [("cancelled", "cancelled"), ("cancelled", "expired"), ("put off", "retried"), ("given back", "retried")],
    ids="-".join,
)
async def test_batches_that_cross_stand_in_no_ring(
    postgres_url: str, house: tuple[Ledger, Ledger], pair: tuple[str, str]
) -> None:
    """One process's writer works downwards through jobs of which another's recorder writes upwards."""
    one, two = house
    low, high = sorted([await opened(one), await opened(one)])
    if "cancelled" not in pair[0]:
        for job_id in (low, high):
            await one.record(arrival(job_id, success(image(), name="first")))
        await one.leased("w", NOW, NOW, 10)

    gate = Gate(lambda: somebody_waits(postgres_url))
    async with one_batch(one):
        first = asyncio.create_task(FACTS[pair[0]](one, high))
        await _queued(one, 1)
        crossing = asyncio.create_task(one.fact(gate))
        await _queued(one, 2)
        second = asyncio.create_task(FACTS[pair[1]](one, low))
        await _queued(one, 3)
    await gate.reached.wait()
    came = [two.record(arrival(job_id, success(image(), name="second"))) for job_id in (low, high)]
    heard = await asyncio.gather(*came, first, crossing, second)

    assert [each.refusal for each in heard[:2]] == [None, None]


async def _queued(ledger: Ledger, count: int) -> None:
    """Until so many facts wait for the writer: some look before they queue."""
    async with asyncio.timeout(WAIT):
        while len(ledger._writer._waiting) < count:
            await asyncio.sleep(0)


async def test_a_fact_that_the_server_ended_is_run_again(house: tuple[Ledger, Ledger]) -> None:
    """A few times, alone; whoever is ended each time is busy, and its neighbours are not."""
    one, runs = house[0], {"once": 0, "always": 0}

    def ended(name: str, times: int) -> Callable[[Connection], str]:
        def fact(connection: Connection) -> str:
            runs[name] += 1
            if runs[name] <= times:
                connection.exec_driver_sql(f"DO $$ BEGIN {ENDED}; END $$")
            return name

        return fact

    async with one_batch(one):
        told = [asyncio.create_task(one.fact(ended(*each))) for each in (("once", 2), ("always", 99))]
        await _queued(one, 2)

    assert await told[0] == "once"
    with pytest.raises(LedgerBusy):
        await told[1]
    assert runs["always"] == deadlocks.TRIES


async def test_arrivals_that_the_server_ended_are_written_again(
    postgres_url: str, house: tuple[Ledger, Ledger]
) -> None:
    """No sender is told to come again for a ring among ourselves; each event is there once."""
    ids = [await opened(house[0]) for _ in range(3)]
    body = f"BEGIN IF nextval('runs') < 3 THEN {ENDED}; END IF; RETURN NEW; END"
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SEQUENCE runs")
        connection.execute(f"CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$".encode())
        connection.execute("CREATE TRIGGER ends BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION ends()")

    heard = await asyncio.gather(*(house[1].record(arrival(job_id, success(image()))) for job_id in ids))

    assert [(each.refusal, each.duplicate) for each in heard] == [(None, False)] * 3
    assert len(rows(house[0], tables.event)) == len(rows(house[0], tables.delivery)) == 3


async def test_what_is_no_ring_is_not_run_again(house: tuple[Ledger, Ledger]) -> None:
    """Rows that are refused for another reason would only be refused again."""
    seen: list[int] = []

    def fails(connection: Connection) -> None:
        seen.append(1)
        connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(LedgerBusy):
        await house[0].fact(fails)
    assert len(seen) == 2  # in its batch, and alone
