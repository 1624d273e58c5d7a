"""A house in which time stands still: the real app on a real port, seeded, so that its pages always look the same."""

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from receiver.app import App
from receiver.pages.session import sign_in_link
from receiver.road import Road, open_road
from receiver.settings import Settings
from tests import sqlite
from tests.browser.calling import keyring
from tests.receiver.pages.seeding import ADMIN, SECRET, Clock, Seed
from tests.whole.stage import free_port, serving

T = TypeVar("T")
PUBLIC = "https://hooks.example.com"
"""What the pages name; the browser comes by the port."""


@dataclass(frozen=True, slots=True)
class Still:
    """`names` are ids of jobs and deliveries by the name that the scene gave them; `loop` is its thread's."""

    road: Road
    clock: Clock
    names: dict[str, str]
    seed: Seed
    loop: asyncio.AbstractEventLoop

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.road.settings.port}"

    @property
    def link(self) -> str:
        """Signs in."""
        return sign_in_link(self.road.settings, self.clock.now).replace(PUBLIC, self.origin)

    def does(self, deed: Coroutine[Any, Any, T]) -> T:
        """Something happens in the house, and is done when this returns."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(20)


Scene = Callable[[Seed], Awaitable[dict[str, str]]]


@dataclass
class _Stage:
    """The thread in which a house stands: the browser's own loop has the main one."""

    settings: Settings
    scene: Scene
    up: threading.Event = field(default_factory=threading.Event)
    done: Callable[[], Any] = lambda: None
    house: Still | None = None

    def play(self) -> None:
        try:
            asyncio.run(self._stand())
        finally:
            self.up.set()

    async def _stand(self) -> None:
        clock, down, loop = Clock(), asyncio.Event(), asyncio.get_running_loop()
        road = replace(open_road(self.settings, clock), keyring=keyring(self.settings))
        seed = Seed(road, clock, _numbered())
        jobs = await self.scene(seed)
        async with serving(App(road), self.settings.port):
            self.house = Still(road, clock, jobs, seed, loop)
            self.done = partial(loop.call_soon_threadsafe, down.set)
            self.up.set()
            await down.wait()


def _numbered() -> Callable[[], uuid.UUID]:
    """Ids that are the same in every run."""
    count = iter(range(1, 10_000))
    return lambda: uuid.uuid5(uuid.NAMESPACE_URL, f"job {next(count)}")


@contextmanager
def standing(folder: Path, scene: Scene) -> Iterator[Still]:
    """The house, with what the scene has put into it."""
    port = free_port()
    settings = Settings(
        _env_file=None, database_url=sqlite.ready(folder / "ledger.db"), storage_url=f"file:{folder}/images",
        public_url=PUBLIC, port=port, proofhook_secret=SECRET, admin_token=ADMIN,
    )  # fmt: skip
    stage = _Stage(settings, scene)
    thread = threading.Thread(target=stage.play)
    thread.start()
    stage.up.wait()
    assert stage.house is not None, "the house did not come up: see the thread's error"
    try:
        yield stage.house
    finally:
        stage.done()
        thread.join()
