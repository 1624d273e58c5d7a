"""The whole house on loopback: sandbox, receiver, worker and reconciler with real sockets, SQLite and a folder."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from PIL import Image
from starlette.types import ASGIApp

from receiver.app import App
from receiver.fetch import Fetcher
from receiver.ledger.views import JobView
from receiver.road import Road, open_road
from receiver.settings import Settings
from receiver.worker import Worker
from submitter.calls import Caller
from submitter.client import Job, Submitter
from submitter.reconcile import Reconciler
from submitter.sandbox.app import create_sandbox
from submitter.submit import Desk
from tests import sqlite

KEYS = ("FAL_KEY", "FIREWORKS_API_KEY", "RUNWARE_API_KEY", "VTRIX_API_KEY")
PATIENCE = 20.0
"""Seconds after which a test gives up: far more than anything here takes."""


@dataclass(slots=True)
class House:
    """A running house. `parts` are the tasks of worker and reconciler, `stop` ends them."""

    folder: Path
    settings: Settings
    sandbox: str
    road: Road
    submitter: Submitter
    desk: Desk
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    parts: list[asyncio.Task[None]] = field(default_factory=list)

    def work(self) -> None:
        """Start a worker in this process."""
        fetcher = Fetcher(allowed=self.settings.image_hosts, max_bytes=int(self.settings.max_image_bytes))

        async def run() -> None:
            try:
                await Worker(self.road, fetcher, jitter=lambda: 0.01).run(self.stop)
            finally:
                await fetcher.aclose()

        self.parts.append(asyncio.create_task(run()))

    def reconcile(self) -> None:
        """Start a reconciler in this process."""
        self.parts.append(asyncio.create_task(Reconciler(self.desk).run(self.stop)))

    @asynccontextmanager
    async def receiver(self) -> AsyncIterator[None]:
        """The doors, in this process."""
        async with serving(App(self.road), self.settings.port, lifespan="off"):
            yield

    async def up(self) -> None:
        """Until the receiver answers, whatever process it is."""
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    (await client.get(f"{self.settings.public}/healthz")).raise_for_status()
                except httpx.HTTPError:
                    await asyncio.sleep(0.02)
                else:
                    return

    async def sandbox_jobs(self) -> list[dict[str, Any]]:
        """What the providers' side has been asked for."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return list((await client.get(f"{self.sandbox}/_sandbox/jobs")).json()["jobs"])

    async def sandbox_is_done(self) -> None:
        """Until the providers' side has finished every job: whoever asks from now on is told the end."""
        async with asyncio.timeout(PATIENCE):
            while any(job["status"] in {"queued", "running"} for job in await self.sandbox_jobs()):
                await asyncio.sleep(0.02)

    async def ends(self, job: Job) -> JobView:
        return await job.wait(PATIENCE)

    async def until(self, job: Job, what: Any) -> JobView:
        """The job as soon as `what` holds of it."""
        async with asyncio.timeout(PATIENCE):
            while not what(view := await job.now()):
                await asyncio.sleep(0.02)
        return view

    def input_picture(self) -> Path:
        path = self.folder / "kitchen.png"
        Image.new("RGB", (64, 48), (200, 160, 90)).save(path)
        return path

    def environment(self) -> dict[str, str]:
        """The settings of this house for a process of its own."""
        given = self.settings.model_dump(exclude_defaults=True)
        shown = {
            name.upper(): ",".join(value) if isinstance(value, tuple) else str(value) for name, value in given.items()
        }
        return shown | dict.fromkeys(KEYS, "key")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@asynccontextmanager
async def serving(app: ASGIApp, port: int, lifespan: Any = "on") -> AsyncIterator[None]:
    """A real uvicorn in this loop."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", access_log=False, lifespan=lifespan)
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]  # the test's signals are not the server's
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await running


def _no_signals() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def house_settings(folder: Path, sandbox: str, port: int, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "database_url": sqlite.ready(folder / "proofhook.db"),
        "storage_url": f"file:{folder}/images",
        "public_url": f"http://127.0.0.1:{port}",
        "port": port,
        "fal_jwks_url": f"{sandbox}/fal/.well-known/jwks.json",
        "image_hosts": sandbox.removeprefix("http://"),
        **{f"{name}_url": f"{sandbox}/{name}" for name in ("fal", "fireworks", "runware", "vtrix")},
    }
    return Settings(_env_file=None, **(given | more))


@asynccontextmanager
async def open_house(
    folder: Path,
    *,
    faults: Mapping[str, int] | None = None,
    time_scale: float = 0.1,
    busy: bool = True,
    web: bool = True,
    **more: Any,
) -> AsyncIterator[House]:
    """A house with a sandbox that has `faults`; `busy` starts worker and reconciler, `web` the receiver."""
    port, sandbox_port = free_port(), free_port()
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    settings = house_settings(folder, sandbox, port, **more)
    async with AsyncExitStack() as stack:
        road = open_road(settings)
        desk = Desk(road, Caller(int(settings.max_body_bytes), scale=0.01))
        stack.push_async_callback(desk.aclose)
        lifetimes = dict.fromkeys(("fal", "fireworks", "runware", "vtrix"), 3600 / time_scale)
        app = create_sandbox(sandbox, time_scale=time_scale, faults=faults, lifetimes=lifetimes)
        await stack.enter_async_context(serving(app, sandbox_port))
        house = House(folder, settings, sandbox, road, Submitter(desk=desk), desk)
        if web:
            await stack.enter_async_context(house.receiver())
        if busy:
            house.work()
            house.reconcile()
        try:
            yield house
        finally:
            house.stop.set()
            await asyncio.gather(*house.parts)
