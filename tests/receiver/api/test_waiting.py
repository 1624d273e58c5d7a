import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.api import waiting
from receiver.api.waiting import Waiting
from receiver.errors import TryLater
from receiver.ledger import pulse
from receiver.storage import open_storage
from tests.objects import ACCOUNT
from tests.receiver.api.backends import EVERYWHERE
from tests.receiver.api.documented import follow
from tests.receiver.house import House, done, opened
from tests.receiver.test_worker import task_of

PATIENCE = 20
TOKEN = {"authorization": "Bearer a token for people"}


@pytest.fixture
async def house(tmp_path: Path, kept: dict[str, Any]) -> AsyncIterator[House]:
    async with opened(tmp_path, open_storage(kept["storage_url"], ACCOUNT), **kept) as house:
        house.client.headers.update(TOKEN)
        house.client.event_hooks["response"] = [follow]
        yield house


async def waits(house: House, job_id: str, seconds: float = 60) -> asyncio.Task[httpx.Response]:
    """A program that waits; when this returns, it does."""
    asking = asyncio.create_task(house.client.get(f"/api/v1/jobs/{job_id}", params={"wait": seconds}))
    async with asyncio.timeout(PATIENCE):
        while not house.road.ledger._news._ears:
            await asyncio.sleep(0.005)
    return asking


@EVERYWHERE
async def test_a_delivery_ends_the_wait(house: House) -> None:
    """Whoever waits is answered by the commit of the callback, long before the time is over."""
    job = await house.place()
    asking = await waits(house, job.id)
    assert not asking.done()
    failed = done(job.request_id, status="ERROR", error="Runner disconnected", payload=None)
    assert (await house.fal(job, failed)).status_code == 200
    async with asyncio.timeout(PATIENCE):
        told = (await asking).json()
    assert (told["status"], told["deliveries"][0]["verdict"]) == ("failed", "verified")


@EVERYWHERE
async def test_a_dead_letter_ends_the_wait(house: House) -> None:
    """Nothing more happens to such a job by itself: who waits is told so."""
    job = await house.place()
    await house.fal(job)
    asking = await waits(house, job.id)
    [task] = await house.road.ledger.leased("worker", house.clock(), house.clock(), 1)
    await house.road.ledger.buried(task, "403", house.clock())
    async with asyncio.timeout(PATIENCE):
        assert (await asking).json()["images"][0]["state"] == "dead"
    assert task_of(house, job)["dead_at"] is not None


async def test_the_time_is_over(house: House) -> None:
    """The job as it stands; a wait of none, and of a job that has an end, is no wait."""
    job = await house.place()
    where = f"/api/v1/jobs/{job.id}"
    for seconds in ("0", "0.05"):
        assert (await house.client.get(where, params={"wait": seconds})).json()["status"] == "submitted"
    assert not house.road.ledger._news._ears
    await house.road.ledger.cancelled(job.id, house.clock())
    async with asyncio.timeout(PATIENCE):
        assert (await house.client.get(where, params={"wait": "60"})).json()["status"] == "cancelled"


@pytest.mark.parametrize("seconds", ["-1", "x", "nan", "inf", "1e9", ""])
async def test_a_time_that_is_none_is_refused(house: House, seconds: str) -> None:
    """400, and no wait."""
    job = await house.place()
    assert (await house.client.get(f"/api/v1/jobs/{job.id}", params={"wait": seconds})).status_code == 400


async def test_the_end_of_the_process_ends_every_wait(house: House) -> None:
    """Who waits is answered, and not cut off."""
    job = await house.place()
    asking = await waits(house, job.id)
    house.app.ending()
    async with asyncio.timeout(PATIENCE):
        assert (await asking).json()["status"] == "submitted"


async def test_one_look_is_for_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty who wait cost the ledger no more than one; when all are gone, nobody looks."""
    asked: list[int] = []
    ended = pulse.ended

    def counted(connection: Any, names: Sequence[str]) -> list[str]:
        asked.append(len(names))
        return ended(connection, names)

    monkeypatch.setattr(pulse, "ended", counted)
    jobs = [await house.place() for _ in range(5)]
    room = Waiting(house.road, asyncio.Event())
    everyone = [asyncio.create_task(room.end_of(job.id, 60)) for job in jobs * 10]
    await asyncio.sleep(0)
    for job in jobs:
        await house.road.ledger.cancelled(job.id, house.clock())
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*everyone)
    assert max(asked) == 5
    assert len(asked) < 20
    async with asyncio.timeout(PATIENCE):
        while house.road.ledger._news._ears:
            await asyncio.sleep(0)


async def test_too_many_are_sent_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: one more than may wait is told to ask again."""
    monkeypatch.setattr(waiting, "MOST_WAITING", 1)
    job = await house.place()
    room = Waiting(house.road, asyncio.Event())
    first = asyncio.create_task(room.end_of(job.id, 60))
    await asyncio.sleep(0)
    with pytest.raises(TryLater):
        await room.end_of(job.id, 60)
    first.cancel()
