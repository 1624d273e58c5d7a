"""A house in a folder, the real `main()` run in it, a ledger to seed; servers on loopback in a thread."""

import asyncio
import json
import socket
import sys
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn

from receiver.app import create_app
from receiver.errors import ProofhookError
from receiver.fetch import Fetcher
from receiver.ledger.arrivals import Arrival
from receiver.ledger.jobs import Opening
from receiver.ledger.ledger import Ledger
from receiver.road import open_road
from receiver.settings import load
from receiver.wire import schemes
from receiver.wire.orders import Acknowledged
from receiver.wire.types import Delivery, Event, Failure, Headers, ImageRef, Kind, Outcome
from receiver.worker import Worker
from submitter.cli import main
from submitter.sandbox.app import create_sandbox
from tests import sqlite

T = TypeVar("T")
SECRET = "s" * 32
KEYS = ("FAL_KEY", "FIREWORKS_API_KEY", "RUNWARE_API_KEY", "VTRIX_API_KEY")


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """What it said on stderr, which must be one line and no traceback."""
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.strip()


@dataclass(frozen=True)
class House:
    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder}/proofhook.db"

    def run(self, *arguments: str) -> Said:
        self.patch.setattr(sys, "argv", ["proofhook", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capture.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    def seeded(self, seed: Callable[[Ledger], Awaitable[T]]) -> T:
        async def whole() -> T:
            ledger = Ledger(sqlite.ready(self.folder / "proofhook.db"))
            try:
                return await seed(ledger)
            finally:
                ledger.close()

        return asyncio.run(whole())

    def job(self, **given: Any) -> str:
        """A job that its provider took."""
        return self.seeded(lambda ledger: submitted(ledger, **given))

    def failed(self, code: str, message: str) -> str:
        async def seed(ledger: Ledger) -> str:
            job = await submitted(ledger)
            await ledger.failed(job, Failure(code, message), datetime.now(UTC))
            return job

        return self.seeded(seed)

    def dead(self, error: str) -> str:
        """A job whose one image is a dead letter."""

        async def seed(ledger: Ledger) -> str:
            job, now = await submitted(ledger), datetime.now(UTC)
            await ledger.record(answered(job, now))
            (task,) = await ledger.leased("worker", now, now, 1)
            await ledger.buried(task, error, now)
            return job

        return self.seeded(seed)


async def submitted(ledger: Ledger, **given: Any) -> str:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "id": str(uuid.uuid4()), "provider": "fal", "model": "kontext", "order": {}, "order_digest": "d", "params": {},
        "expected": 1, "upload": False, "created_at": now, "deadline_at": now + timedelta(hours=1), "ask_at": None,
    }  # fmt: skip
    job, _ = await ledger.opened(Opening(**(facts | given)))
    await ledger.called(job, now)
    await ledger.noted(job, Acknowledged(f"request-{job}"), now)
    return job


def answered(job: str, at: datetime) -> Arrival:
    """The provider's word that one image is done."""
    delivery = Delivery("fal", Kind.ANSWER, job, Headers(((b":status", b"200"),)), b"{}", at)
    image = ImageRef("0", url="https://v3.fal.media/a.png")
    event = Event("done", f"request-{job}", Outcome.SUCCEEDED, images=(image,))
    return Arrival(delivery, schemes.asked(delivery), (event,))


def refused(job: str, refusal: ProofhookError, at: datetime) -> Arrival:
    """A callback that was not believed."""
    return Arrival(Delivery("fal", Kind.HOOK, job, Headers(), b"{}", at), refusal=refusal)  # type: ignore[arg-type]


@contextmanager
def sandbox(house: House, faults: Mapping[str, int] | None = None, *, receiving: bool = False) -> Iterator[str]:
    """The sandbox, with a receiver and a worker where wanted, on ports of their own; the environment points to them."""
    with socket.create_server(("127.0.0.1", 0)) as providers, socket.create_server(("127.0.0.1", 0)) as doors:
        place, public = (f"127.0.0.1:{one.getsockname()[1]}" for one in (providers, doors))
        origin = f"http://{place}"
        house.patch.setenv("IMAGE_HOSTS", place)
        house.patch.setenv("PUBLIC_URL", f"http://{public}")
        house.patch.setenv("FAL_JWKS_URL", f"{origin}/fal/.well-known/jwks.json")
        for name, key in zip(("fal", "fireworks", "runware", "vtrix"), KEYS, strict=True):
            house.patch.setenv(f"{name.upper()}_URL", f"{origin}/{name}")
            house.patch.setenv(key, "sandbox-key")
        app = create_sandbox(origin, time_scale=0.01, faults=faults)
        with _serving(_server(app), providers, _receiving(doors) if receiving else None):
            yield origin


def _server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))


@contextmanager
def _serving(
    server: uvicorn.Server, listening: socket.socket, beside: Callable[[asyncio.Event], Awaitable[None]] | None
) -> Iterator[None]:
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    broken: list[BaseException] = []

    async def whole() -> None:
        await asyncio.gather(server.serve(sockets=[listening]), *([beside(stop)] if beside else []))

    def live() -> None:
        try:
            loop.run_until_complete(whole())
        except BaseException as error:  # noqa: BLE001  told to the test, which would wait for its answers in vain
            broken.append(error)
            listening.close()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        if not broken:
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        if broken:
            raise broken[0]


def _receiving(listening: socket.socket) -> Callable[[asyncio.Event], Awaitable[None]]:
    async def receive(stop: asyncio.Event) -> None:
        settings = load()
        road = open_road(settings)
        fetcher = Fetcher(allowed=settings.image_hosts, max_bytes=int(settings.max_image_bytes))
        server = _server(create_app(settings))
        work = asyncio.gather(Worker(road, fetcher).run(stop), server.serve(sockets=[listening]))
        await stop.wait()
        server.should_exit = True
        await work
        await fetcher.aclose()
        await road.aclose()

    return receive
