"""The ledger as a whole: what is acknowledged stands, whoever reads, whoever dies, and however it is closed."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from receiver.errors import LedgerBusy
from receiver.ledger import tables
from receiver.ledger.ledger import Ledger
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, arrival, collect_all, image, opened, rows, success

ROOT = Path(__file__).parents[3]
ENOUGH = 200


async def test_from_order_to_delivery(ledger: Ledger) -> None:
    """The whole way of a job: opened, called, noted, heard, leased, stored, delivered."""
    job_id = await opened(ledger, expected=2)
    statuses = [(await ledger.job(job_id)).status]
    assert await ledger.called(job_id, NOW)
    await ledger.noted(job_id, ledgers.acknowledged(), NOW)
    statuses.append((await ledger.job(job_id)).status)
    await ledger.record(arrival(job_id, success(image("0"), image("1"), cost="0.08")))
    statuses.append((await ledger.job(job_id)).status)
    stored = await collect_all(ledger)

    job = await ledger.job(job_id)

    assert [*statuses, job.status] == ["pending", "submitted", "succeeded", "delivered"]
    assert (stored, job.cost_usd, [each.n for each in job.images]) == (2, "0.08", [1, 2])
    assert (job.submitted_at, job.finished_at, job.delivered_at) == (NOW, NOW, ledgers.SOON)


async def test_two_ledgers_are_one(database_url: str, ledger: Ledger) -> None:
    """Two processes on one database: the same delivery at both is one event, the same job is called once."""
    job_id = await opened(ledger)
    other = Ledger(database_url)
    try:
        both = [ledger, other] * 10
        told = await asyncio.gather(*(each.called(job_id, NOW) for each in both))
        heard = await asyncio.gather(*(each.record(arrival(job_id, success(image()))) for each in both))
    finally:
        other.close()

    assert told.count(True) == [each.duplicate for each in heard].count(False) == 1
    assert [row["repeats"] for row in rows(ledger, tables.delivery)] == [19]


async def test_readers_do_not_wait_for_the_writer(ledger: Ledger) -> None:
    """A reader sees the last commit while the writer is inside a transaction."""
    job_id = await opened(ledger)
    with ledger._engines.writing().begin() as holding:
        holding.execute(tables.job.update().values(status="half"))

        assert (await ledger.job(job_id)).status == "pending"
        holding.rollback()


async def test_what_is_acknowledged_is_there_after_closing(database_url: str, ledger: Ledger) -> None:
    """A closed and reopened ledger holds every fact; the closed one takes no more."""
    job_id = await opened(ledger)
    ledger.close()
    again = Ledger(database_url)
    try:
        job = await again.job(job_id)
    finally:
        again.close()

    assert job.id == job_id
    with pytest.raises(LedgerBusy):
        await ledger.called(job_id, NOW)


async def test_a_killed_process_loses_nothing_it_acknowledged(database_url: str, ledger: Ledger) -> None:
    """SIGKILL in the middle of its work: every acknowledged event is there, exactly once, with its delivery."""
    job_id = await opened(ledger)
    command = [sys.executable, "-m", "tests.receiver.ledger.killed", "record", database_url, job_id]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220  the test itself waits
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(ENOUGH)]
        process.kill()
        said += process.stdout.readlines()

    acknowledged = [line.split()[0] for line in said if line.endswith(" once\n")]
    events = Counter(row["event_id"] for row in rows(ledger, tables.event))
    bodies = Counter(row["body"].decode() for row in rows(ledger, tables.delivery))
    assert len(acknowledged) >= ENOUGH
    assert set(acknowledged) <= events.keys()
    assert events == bodies
    assert set(events.values()) == {1}


async def test_ready_says_that_the_database_answers(ledger: Ledger) -> None:
    """A ledger whose database answers is ready."""
    await ledger.ready()
