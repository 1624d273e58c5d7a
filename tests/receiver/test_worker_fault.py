"""Whose fault an attempt's end was: ours costs the task nothing, a worker that dies of it is not fed for ever."""

from datetime import timedelta

import pytest

from receiver.errors import StorageFull
from receiver.fetch import Fetcher
from receiver.ledger.tasks import LEASE
from receiver.worker import MOST_ATTEMPTS, OUR_FAULT
from tests.receiver.hosting import Host
from tests.receiver.house import House
from tests.receiver.test_worker import announced, fetcher, host, house, task_of
from tests.receiver.test_worker_ends import worker_of

__all__ = ["fetcher", "host", "house"]


async def test_a_full_disk_costs_no_attempt(
    house: House, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the storage takes no bytes, no live URL becomes a dead letter of it."""
    job = await announced(house, host)

    def full(*_: object) -> None:
        raise StorageFull("no room")

    worker = worker_of(house, fetcher)
    with monkeypatch.context() as patched:
        patched.setattr(type(house.road.storage), "writer", full)
        for _ in range(MOST_ATTEMPTS + 2):
            assert await worker.run_once() == 1
            assert task_of(house, job)["due_at"] == house.clock() + OUR_FAULT
            house.clock.ahead(seconds=OUR_FAULT.total_seconds())
    assert task_of(house, job)["attempts"] == 0
    await worker.run_once()
    assert (await house.job(job)).status == "delivered"


async def test_an_image_that_kills_its_workers_is_a_dead_letter(house: House, host: Host, fetcher: Fetcher) -> None:
    """A task whose every lease ran out without a word is buried, not leased for ever."""
    job = await announced(house, host)
    for _ in range(MOST_ATTEMPTS):
        now = house.clock()
        assert len(await house.road.ledger.leased("doomed", now, now + LEASE, 1)) == 1
        house.clock.ahead(seconds=LEASE.total_seconds() + 1)
    assert await worker_of(house, fetcher).run_once() == 1
    assert (await house.job(job)).stuck
    assert f"{MOST_ATTEMPTS} workers" in task_of(house, job)["error"]


async def test_news_of_a_dead_letter_gives_it_all_its_attempts(house: House, host: Host, fetcher: Fetcher) -> None:
    """`retry` starts the count again."""
    job = await announced(house, host)
    for _ in range(MOST_ATTEMPTS):
        now = house.clock()
        await house.road.ledger.leased("doomed", now, now + LEASE, 1)
        house.clock.ahead(seconds=LEASE.total_seconds() + 1)
    await worker_of(house, fetcher).run_once()
    await house.road.ledger.retried(job.id, house.clock())
    assert task_of(house, job)["attempts"] == 0
    house.clock.ahead(seconds=timedelta(seconds=1).total_seconds())
    await worker_of(house, fetcher).run_once()
    assert (await house.job(job)).status == "delivered"
