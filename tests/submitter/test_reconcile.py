"""When the reconciler asks, when it sends what a dead submitter left, and when it gives up."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import structlog

from receiver import registry
from receiver.wire.orders import Asking, Call
from receiver.wire.provider import Pace
from submitter.reconcile import Reconciler, wait
from tests.submitter.desk import ALL, KEYS, NOW, House, acknowledge, open_house, say, script

WORKING = {"id": "request-1", "status": "in_progress"}
DONE = {
    "id": "request-1",
    "status": "completed",
    "output": [{"content": [{"type": "image", "url": "https://cdn.vtrix.ai/a.png"}]}],
}


def working(request: httpx.Request) -> httpx.Response:
    """Every job is taken, and none is ever done."""
    if request.url.path == "/v1" and b"getResponse" in request.content:
        return say({"data": [{"taskUUID": house_task(request), "status": "processing"}]})
    return acknowledge(request) if request.method == "POST" else say(WORKING)


def house_task(request: httpx.Request) -> str:
    task: str = httpx.Response(200, content=request.content).json()[0]["taskUUID"]
    return task


async def _asked_at(house: House, seconds: float, step: float = 0.125) -> list[float]:
    """Seconds after which questions went out, looking for chores at every step of the clock."""
    reconciler, times = Reconciler(house.desk), []
    for tick in range(1, int(seconds / step) + 1):
        house.clock.forward(step)
        before = len(house.wire.requests)
        await reconciler.run_once()
        times += [tick * step] * (len(house.wire.requests) - before)
    return times


async def test_vtrix_is_asked_at_growing_intervals(tmp_path: Path) -> None:
    """After 2 s, then each wait is 1.5 times the last."""
    async with open_house(tmp_path, working) as house:
        await house.submit("vtrix")

        assert await _asked_at(house, 17) == [2, 2 + 3, 5 + 4.5, 9.5 + 6.75]


@pytest.mark.parametrize(
    ("name", "waits"),
    [("vtrix", [3, 4.5, 6.75, 10.125, 15.1875, 22.78125, 30, 30]), ("fal", [120, 120]), ("runware", [90, 120])],
)
def test_waits_grow_up_to_a_most(name: str, waits: list[float]) -> None:
    """Each provider's pace grows by half and stops growing at its most."""
    pace = registry.provider(name).pace

    assert [wait(pace, asks).total_seconds() for asks in range(1, len(waits) + 1)] == waits


def test_a_wait_never_overflows() -> None:
    """A job that was asked about ten thousand times is no arithmetic error."""
    assert wait(Pace(timedelta(seconds=2), most=timedelta(seconds=30)), 10_000) == timedelta(seconds=30)


async def test_the_end_ends_the_questions(tmp_path: Path) -> None:
    """A job that has come to its end is asked about no more."""
    async with open_house(tmp_path, script(acknowledge, say(WORKING), say(DONE))) as house:
        job_id = await house.submit("vtrix")
        times = await _asked_at(house, 60, step=1)

        assert (times, (await house.job(job_id)).status) == ([2, 5], "succeeded")


async def test_a_job_in_time_is_not_asked_about(tmp_path: Path) -> None:
    """fal calls back: nobody asks it before its time."""
    async with open_house(tmp_path, script(acknowledge)) as house:
        await house.submit("fal")
        house.clock.forward(119)
        await house.reconcile()

        assert len(house.wire.requests) == 1


@pytest.mark.parametrize("name", ["fireworks", "vtrix"])
async def test_a_job_nobody_finished_expires(tmp_path: Path, name: str) -> None:
    """At its deadline a job at work is asked about once more, then it is expired, and is asked about no more."""
    async with open_house(tmp_path, working, job_deadline=3600) as house:
        job_id = await house.submit(name)
        house.clock.forward(3600)
        for _ in range(3):
            await house.reconcile()
            house.clock.forward(600)

        job = await house.job(job_id)
        assert (job.status, job.error and job.error["code"]) == ("expired", "deadline_passed")
        assert (job.finished_at, len(house.wire.requests)) == (NOW + timedelta(seconds=3600), 2)


async def test_a_job_nobody_acknowledged_expires(tmp_path: Path) -> None:
    """When the answer to the POST never came, nor a callback, the error says so."""
    async with open_house(tmp_path, script(httpx.ReadTimeout("slow"))) as house:
        job_id = await house.submit("fal")
        house.clock.forward(3601)
        await house.reconcile()

        job = await house.job(job_id)
        assert (job.status, job.error and job.error["code"]) == ("expired", "never_acknowledged")
        assert len(house.wire.requests) == 1


async def test_a_job_with_some_images_expires_as_incomplete(tmp_path: Path) -> None:
    """One of two results by the deadline is incomplete, and the one is kept."""
    async with open_house(tmp_path, working) as house:
        job_id = await house.submit("runware", n=2)
        item = {"taskUUID": job_id, "imageUUID": "one", "imageURL": "https://im.runware.ai/one.jpg"}
        await house.hook("runware", job_id, item)
        house.clock.forward(3600)
        await house.reconcile()

        job = await house.job(job_id)
        assert (job.status, job.error and job.error["code"], len(job.images)) == ("expired", "incomplete", 1)


async def test_the_last_answer_comes_before_the_deadline_is_drawn(tmp_path: Path) -> None:
    """A job that was done all along, while nobody could ask, is not expired but asked about first."""
    async with open_house(tmp_path, script(acknowledge, say(DONE))) as house:
        job_id = await house.submit("vtrix")
        house.clock.forward(9999)
        await house.reconcile()

        assert (await house.job(job_id)).status == "succeeded"


async def test_a_missing_key_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one provider's key is missing that is logged by its variable, and the other providers are asked."""
    async with open_house(tmp_path, working) as house:
        for name in ("fireworks", "vtrix"):
            await house.submit(name)
        monkeypatch.delenv("FIREWORKS_API_KEY")
        house.clock.forward(30)
        with structlog.testing.capture_logs() as logs:
            await house.reconcile()

        assert [request.url.host for request in house.wire.requests[2:]] == ["cloud.vtrix.ai"]
        assert "FIREWORKS_API_KEY is not set" in logs[0]["error"]
        assert not any(key in str(logs) for key in KEYS.values())


def _defect(_asking: Asking) -> Call | None:
    raise KeyError("a defect")


@pytest.mark.parametrize("broken", ["not installed", "defect"])
async def test_a_broken_provider_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A plug-in that is gone, or has a defect, costs its own jobs only: others are asked about, and expire."""
    vtrix = registry.provider("vtrix")
    known = {**registry.providers(), "odd": replace(vtrix, name="odd")}
    monkeypatch.setattr(registry, "providers", lambda: known)
    async with open_house(tmp_path, working) as house:
        await house.submitter.submit("odd", prompt="a donut")
        await house.submit("vtrix")
        known["odd"] = replace(vtrix, name="odd", ask=_defect)
        if broken == "not installed":
            del known["odd"]
        house.clock.forward(3600)
        await house.reconcile()

        assert len(house.wire.requests) == 3
        assert [row["status"] for row in house.rows("job")] == ["expired", "expired"]


@pytest.mark.parametrize("name", ALL)
async def test_an_idle_reconciler_says_nothing(tmp_path: Path, name: str) -> None:
    """Without chores there is neither a call nor a row that changes."""
    async with open_house(tmp_path, script(acknowledge)) as house:
        await house.submit(name)
        before = house.rows("job")
        await house.reconcile()

        assert (house.rows("job"), len(house.wire.requests)) == (before, 1)


async def test_a_reconciler_ends_when_told(tmp_path: Path) -> None:
    """`run` goes round until `stop` is set, whatever there is to do."""
    stop = asyncio.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            stop.set()
        return working(request)

    async with open_house(tmp_path, answer) as house:
        await house.submit("vtrix")
        house.clock.forward(2)
        async with asyncio.timeout(10):
            await Reconciler(house.desk).run(stop)

        assert len(house.wire.requests) == 2
