"""The whole of it: processes, traffic, deaths, and the count at the end."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.elsewhere import Elsewhere
from tests.crash.lives import Lives, faults
from tests.crash.scene import SETTLING, scene
from tests.crash.tally import Tally
from tests.crash.traffic import Traffic

SENDERS = 12
AHEAD = 200
"""Pictures that callbacks may be ahead of downloads: the end must not be a long wait for the worker."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: as many kills, of so many processes, of which the named steps are a part."""

    kills: int
    seed: int = 1
    web: int = 2
    workers: int = 1
    steps: bool = True


@dataclass(slots=True)
class Outcome:
    tally: Tally
    numbers: dict[str, Any] = field(default_factory=dict)


async def run(plan: Plan, folder: Path, database_url: str) -> Outcome:
    """Kill as planned under load, let everything come to its end, and count."""
    began = time.monotonic()
    async with scene(folder, database_url, plan.seed) as here:
        named = {part: faults(part, database_url) if plan.steps else [] for part in ("web", "worker", "reconcile")}
        lives = Lives(here.plant, here.traffic.dice, plan.kills, named)
        _places(plan, lives, here.traffic, here.there)
        await _kill(lives, here.traffic, here.there)
        await here.delivered(SETTLING)
        _stopped(lives)
        tally = here.count()
    return Outcome(tally, _numbers(plan, lives, here.traffic, time.monotonic() - began))


def _places(plan: Plan, lives: Lives, traffic: Traffic, there: Elsewhere) -> None:
    for _ in range(plan.web):
        traffic.origins.append(lives.place("web", lambda origin: traffic.acks[origin]).origin)
    for _ in range(plan.workers):
        lives.place("worker", lambda _: there.downloads)
    lives.place("reconcile", lambda _: there.questions)


async def _kill(lives: Lives, traffic: Traffic, there: Elsewhere) -> None:
    async def sender() -> None:
        while not lives.enough():
            while traffic.announced - there.downloads > AHEAD and not lives.enough():
                await asyncio.sleep(0.01)
            await traffic.job()

    async with asyncio.TaskGroup() as group:
        for place in lives.places:
            group.create_task(lives.live(place))
        for _ in range(SENDERS):
            group.create_task(sender())


def _stopped(lives: Lives) -> None:
    """The last ones end in good order when told to."""
    for place in lives.places:
        assert place.process is not None
        place.process.tell()
    for place in lives.places:
        assert place.process is not None
        assert place.process.ends() == 0, place.process.said()


def _numbers(plan: Plan, lives: Lives, traffic: Traffic, seconds: float) -> dict[str, Any]:
    return {
        "kills": lives.kills.total(),
        "killed": dict(lives.kills),
        "died_at": dict(lives.died_at),
        "seed": plan.seed,
        "jobs": len(traffic.expected),
        "sent": traffic.sent,
        "acknowledged": traffic.acknowledged.total(),
        "seconds": round(seconds, 1),
    }
