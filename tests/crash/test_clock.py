"""A worker's clock that is wrong by an hour, either way, or jumps: no task waits for it."""

import asyncio
from pathlib import Path

import pytest

from tests.crash.scene import scene, until

HOUR = 3600


def _set(clock: Path, seconds: int) -> None:
    """At one stroke: the worker looks at it all the time."""
    draft = clock.with_suffix(".draft")
    draft.write_text(str(seconds))
    draft.replace(clock)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
async def test_a_lease_of_a_wrong_clock(seconds: int, tmp_path: Path) -> None:
    """A worker whose clock is wrong dies with a task in hand; one with a right clock takes it up soon."""
    async with scene(tmp_path) as here:
        wrong = tmp_path / "clock"
        _set(wrong, seconds)
        here.there.slow = asyncio.Event()
        await here.arrive(await here.traffic.fireworks())
        dying = here.plant.start("worker", wraps=[f"clock={wrong}"])
        assert await until(lambda: asyncio.sleep(0, here.there.downloads == 1)), dying.said()
        dying.kill()
        here.there.slow.set()
        here.plant.start("worker")
        assert await here.delivered()
        assert here.count().wrong() == {}


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
async def test_a_clock_that_jumps(seconds: int, tmp_path: Path) -> None:
    """It jumps while one task is leased and another waits for its next attempt: both are done soon."""
    async with scene(tmp_path) as here:
        clock = tmp_path / "clock"
        _set(clock, 0)
        here.there.slow, here.there.broken = asyncio.Event(), 1
        worker = here.plant.start("worker", wraps=[f"clock={clock}"])
        await here.arrive(await here.traffic.fireworks())
        assert await until(lambda: asyncio.sleep(0, bool(here.rows("SELECT error FROM task WHERE error <> ''"))))
        await here.arrive(await here.traffic.fal())
        assert await until(lambda: asyncio.sleep(0, here.there.downloads >= 3)), worker.said()
        _set(clock, seconds)
        here.there.slow.set()
        await here.arrive(await here.traffic.runware())
        assert await here.delivered()
        assert here.count().wrong() == {}
        assert worker.popen.poll() is None
