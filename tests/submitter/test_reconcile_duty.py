"""One reconciler acts at a time; the next takes over when it stops or dies, and no clock stops them for an hour."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx

from receiver.ledger.duties import Duty
from receiver.ledger.jobs import LONGEST_WAIT
from receiver.wire.provider import Pace
from submitter.reconcile import Reconciler, wait
from tests.submitter.desk import House, acknowledge, open_house, say

LONG = 20.0


def working(request: httpx.Request) -> httpx.Response:
    return acknowledge(request) if request.method == "POST" else say({"id": "request-1", "status": "in_progress"})


async def _asked(house: House, times: int) -> None:
    """Until that many requests have gone out."""
    async with asyncio.timeout(LONG):
        while len(house.wire.requests) < times:
            await asyncio.sleep(0.01)


async def test_who_has_no_duty_asks_nothing(tmp_path: Path) -> None:
    """While another holds the duty a reconciler waits; when it is given back it acts."""
    stop = asyncio.Event()
    async with open_house(tmp_path, working) as house:
        await house.submit("vtrix")
        house.clock.forward(2)
        async with Duty(house.ledger, "reconcile", house.clock) as other:
            work = asyncio.create_task(Reconciler(house.desk).run(stop))
            await house.submit("fal")
            async with house.ledger.listening() as ear:
                await ear.changed(0.5)
            assert (other.held, len(house.wire.requests)) == (True, 2)
        await _asked(house, 3)
        stop.set()
        await work


async def test_a_stopped_reconciler_leaves_no_duty(tmp_path: Path) -> None:
    """Its duty is free at once: the next need not wait for a lease to run out."""
    stop = asyncio.Event()
    async with open_house(tmp_path, working) as house:
        work = asyncio.create_task(Reconciler(house.desk).run(stop))
        async with asyncio.timeout(LONG):
            while await house.ledger.duty_is_free("reconcile", house.clock()):
                await asyncio.sleep(0.01)
        stop.set()
        await work

        assert await house.ledger.duty_is_free("reconcile", house.clock())


async def test_questions_go_on_when_the_clock_goes_back(tmp_path: Path) -> None:
    """A question was set while the clock was an hour ahead: it is asked now, and then at its pace."""
    async with open_house(tmp_path, working) as house:
        house.clock.forward(3600)
        await house.submit("vtrix")
        house.clock.forward(-3600)
        await house.reconcile()
        await house.reconcile()

        assert len(house.wire.requests) == 2


def test_no_pace_is_slower_than_the_ledger_allows() -> None:
    """A wait that the ledger would take for a wrong clock's is never set."""
    assert wait(Pace(timedelta(hours=2), most=timedelta(hours=9)), 3) == LONGEST_WAIT
