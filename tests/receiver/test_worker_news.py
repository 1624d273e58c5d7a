"""The worker and news: an image is leased within moments of the commit that announced it, and idleness is cheap."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from receiver import worker as worker_module
from receiver.fetch import Fetcher
from receiver.ledger.tasks import LEASE, Task
from receiver.worker import Worker
from tests.receiver.hosting import Host
from tests.receiver.house import House
from tests.receiver.test_worker import announced, fetcher, host, house, running, task_of

__all__ = ["fetcher", "host", "house"]
ROUNDS = 9


async def test_news_wakes_the_worker(
    house: House, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From commit to lease it is some twenty milliseconds, without a look in between that would find it by chance."""
    monkeypatch.setattr(worker_module, "PEEK", 60)
    leased = house.road.ledger.leased
    found: asyncio.Queue[float] = asyncio.Queue()

    async def noticed(worker: str, now: datetime, until: datetime, limit: int) -> list[Task]:
        tasks = await leased(worker, now, until, limit)
        if tasks:
            found.put_nowait(time.monotonic())
        return tasks

    monkeypatch.setattr(house.road.ledger, "leased", noticed)
    stop, waits = asyncio.Event(), []
    work = running(Worker(house.road, fetcher), stop)
    for _ in range(ROUNDS):
        await announced(house, host)
        committed = time.monotonic()
        waits.append(await asyncio.wait_for(found.get(), 10) - committed)
    stop.set()
    await work

    assert statistics.median(waits) < 0.1  # a bound for a busy machine


async def test_what_is_being_done_is_not_begun_again(house: House, host: Host, fetcher: Fetcher) -> None:
    """A clock that jumps ahead ends our own lease: we keep it, and do not download a second time beside ourselves."""
    job, worker = await announced(house, host), Worker(house.road, fetcher)
    [task] = await worker._take(8)
    worker._held.add(task)
    house.clock.ahead(hours=1)

    again: Sequence[Task] = await worker._take(8)

    assert again == []
    assert task_of(house, job)["leased_until"] == house.clock() + LEASE


@pytest.mark.parametrize("hours", [1, -1])
async def test_work_goes_on_over_a_jump_of_the_clock(house: House, host: Host, fetcher: Fetcher, hours: int) -> None:
    """An hour ahead or back: what was leased by a dead worker, or put off, is done within a minute of that clock."""
    job = await announced(house, host)
    await house.road.ledger.leased("dead", house.clock(), house.clock() + LEASE, 1)
    house.clock.ahead(hours=hours)

    assert await Worker(house.road, fetcher).run_once() == 1
    assert (await house.job(job)).status == "delivered"
    assert timedelta(hours=abs(hours)) > LEASE
