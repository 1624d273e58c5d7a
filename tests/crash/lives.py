"""Many short lives: each process is killed after a number of steps, or at a named step, and started again at once."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crash.plant import Plant, Process
from tests.submitter.processes import free_port
from tests.whole import test_killed as named_steps

PATIENCE = 20.0
"""Seconds that a process has to come to where it dies; then it dies where it is, and a named step waits.

How soon traffic brings it there is a matter of the machine's speed, and nothing that is to be tested."""
TRIES = 8
"""Lives in which a named step may be missed; one that is missed so often is never taken."""
MOST_STEPS = {"web": 150, "worker": 60, "reconcile": 5}
"""A life ends after so many steps at most: acknowledgements, downloads, questions."""
MOST_CALLS = {"web": 4, "worker": 3, "reconcile": 1}
"""A named step is the last one at the so-manieth call at most; at the first once it was missed."""
Fault = tuple[str, str, str]
"""What it is called, the function, and `before` or `after`."""


ON_POSTGRES = {"receiver.ledger.scribes:record_all": "receiver.ledger.pg_scribe:record_all"}
"""Steps that another function takes there."""


def faults(part: str, database_url: str) -> list[Fault]:
    """The named steps of a part, as tests/whole/test_killed.py has them."""
    there = {} if database_url.startswith("sqlite") else ON_POSTGRES
    steps = {
        "web": named_steps.WEB | named_steps.UPLOAD,
        "worker": named_steps.WORKER,
        "reconcile": named_steps.RECONCILER,
    }
    return [(words, there.get(name, name), when) for words, (name, when) in steps[part].items()]


@dataclass(slots=True)
class Place:
    """Where one process after the other lives. `steps` counts what this part has done so far."""

    part: str
    port: int
    steps: Callable[[], int]
    process: Process | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(slots=True)
class Lives:
    """`faults` are the named steps still to die at, by part.

    `kills` counts deaths by part, `died_at` deaths by step, `missed` lives that did not come to theirs.
    `on_their_way` are the steps that a process is to die at now.
    """

    plant: Plant
    dice: random.Random
    target: int
    faults: dict[str, list[Fault]]
    places: list[Place] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    died_at: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    on_their_way: set[str] = field(default_factory=set)

    def enough(self) -> bool:
        """Every named step had its death, and there were as many deaths as were wanted.

        A step that a process is on its way to has not had it: traffic must go on until it is there.
        """
        return self.kills.total() >= self.target and not any(self.faults.values()) and not self.on_their_way

    def place(self, part: str, steps: Callable[[str], int]) -> Place:
        port = free_port()
        made = Place(part, port, lambda: steps(f"http://127.0.0.1:{port}"))
        self.places.append(made)
        return made

    async def live(self, place: Place) -> None:
        """Life after life, until there were enough; the last one stays."""
        while not self.enough():
            waiting, at_random = self.faults[place.part], self._wanted_at_random()
            if waiting and (not at_random or self.dice.random() < 0.7):
                await self._at_a_step(place, waiting.pop(self.dice.randrange(len(waiting))))
            elif at_random:
                await self._at_random(place)
            else:
                break
        place.process = self.plant.start(place.part, port=place.port)

    def _wanted_at_random(self) -> bool:
        """Whether the deaths there were, and those at steps that are still to come, are too few."""
        return self.kills.total() + sum(map(len, self.faults.values())) + len(self.on_their_way) < self.target

    async def _at_a_step(self, place: Place, fault: Fault) -> None:
        words, name, when = fault
        self.on_their_way.add(words)
        nth = 1 if self.missed[words] else self.dice.randint(1, MOST_CALLS[place.part])
        process = self.plant.start(place.part, port=place.port, wraps=[f"kill={name},{when},{nth}"])
        deadline = time.monotonic() + PATIENCE
        while process.popen.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if process.popen.poll() is not None:
            assert process.popen.returncode == -signal.SIGKILL, f"it ended by itself: {words}: {process.said()}"
            self._died(place, words)
            self.on_their_way.remove(words)
            return
        process.kill()
        self._died(place, "at random")
        self.missed[words] += 1
        assert self.missed[words] < TRIES, f"not reached in {TRIES} lives: {words}: {process.said()}"
        self.faults[place.part].append(fault)
        self.on_their_way.remove(words)

    async def _at_random(self, place: Place) -> None:
        process = self.plant.start(place.part, port=place.port)
        goal = place.steps() + self.dice.randint(1, MOST_STEPS[place.part])
        deadline = time.monotonic() + PATIENCE
        while place.steps() < goal and time.monotonic() < deadline and not self.enough():
            assert process.popen.poll() is None, f"it ended by itself: {process.said()}"
            await asyncio.sleep(0.002)
        process.kill()
        self._died(place, "at random")

    def _died(self, place: Place, words: str) -> None:
        self.kills[place.part] += 1
        self.died_at[words] += 1
