"""A desk on real SQLite and a real folder, with a clock that waits for us and providers that are a function."""

import inspect
import io
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from receiver import registry
from receiver.keyring import Keyring
from receiver.ledger.arrivals import Recorded
from receiver.ledger.ledger import Ledger
from receiver.ledger.views import JobView
from receiver.road import Road
from receiver.settings import Settings, load
from receiver.storage import open_storage
from receiver.wire.types import Delivery, Headers, Kind
from submitter.calls import Caller
from submitter.client import Submitter
from submitter.reconcile import Reconciler
from submitter.sandbox.signing import FalKeys
from submitter.submit import Desk
from tests import sqlite

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = "s" * 32
PUBLIC = "https://hooks.example.test"
KEYS = {
    name: f"spend-{name}-0123456789abcdef"
    for name in ("FAL_KEY", "FIREWORKS_API_KEY", "RUNWARE_API_KEY", "VTRIX_API_KEY")
}
PICTURE = "https://pictures.example.test/kitchen.png"
ORDERS: dict[str, dict[str, Any]] = {
    "fal": {"prompt": "a donut", "images": [PICTURE]},
    "fireworks": {"prompt": "a donut"},
    "runware": {"prompt": "a donut"},
    "vtrix": {"prompt": "a donut"},
}
ALL = tuple(ORDERS)
FAL_KEYS = FalKeys(0)
FAL_QUEUE = "https://queue.fal.run/fal-ai/flux-pro/requests/request-1"
FAL_ACK = {"request_id": "request-1", "status_url": f"{FAL_QUEUE}/status", "response_url": FAL_QUEUE}

Answer = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


@dataclass
class Clock:
    """Stands still until it is told to go forward; one that `runs` goes on by itself as well."""

    now: datetime = NOW
    runs: bool = False
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return (datetime.now(UTC) if self.runs else self.now) + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Wire:
    """All that goes to providers, in order; `answer` answers it."""

    answer: Answer
    requests: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        said = self.answer(request)
        return await said if inspect.isawaitable(said) else said

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def say(body: object, status: int = 200, **headers: str) -> httpx.Response:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body), headers=lines)


def script(*steps: httpx.Response | Exception | Answer) -> Answer:
    """One step for each request, in order; a request too many is a failure of the test."""
    left: Iterable[httpx.Response | Exception | Answer] = iter(steps)

    def answer(request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
        step = next(iter(left), AssertionError(f"one request too many: {request.method} {request.url.path}"))
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)

    return answer


def acknowledge(request: httpx.Request) -> httpx.Response:
    """The job is taken, as each provider says it."""
    host = request.url.host
    if host == "queue.fal.run":
        return say({"status": "IN_QUEUE", **FAL_ACK})
    if host == "api.runware.ai":
        tasks = json.loads(request.content)
        return say({"data": [{"taskType": task["taskType"], "taskUUID": task["taskUUID"]} for task in tasks]})
    return say({"request_id": "request-1"} if host == "api.fireworks.ai" else {"id": "request-1", "status": "pending"})


@dataclass
class House:
    """A desk with all that is around it."""

    desk: Desk
    wire: Wire
    clock: Clock
    folder: Path

    @property
    def road(self) -> Road:
        return self.desk.road

    @property
    def ledger(self) -> Ledger:
        return self.desk.road.ledger

    @property
    def submitter(self) -> Submitter:
        return Submitter(desk=self.desk)

    async def submit(self, name: str, **order: Any) -> str:
        """Send an order (the provider's plain one where none is given); returns the job's id."""
        return (await self.submitter.submit(name, **{**ORDERS[name], **order})).id

    async def job(self, job_id: str) -> JobView:
        return await self.ledger.job(job_id)

    async def reconcile(self) -> None:
        await Reconciler(self.desk).run_once()

    def row(self, job_id: str | None = None) -> dict[str, Any]:
        """The only job's row (or the named one), read by a connection that is not the desk's."""
        [row] = [row for row in self.rows("job") if job_id in {None, row["id"]}]
        return row

    def rows(self, table: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "ledger.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608  our own tables

    def files(self) -> list[Path]:
        """What stands in storage."""
        return [path for path in (self.folder / "images").rglob("*") if path.is_file()]

    async def hook(self, name: str, job_id: str, body: object, headers: dict[str, str] | None = None) -> Recorded:
        """A callback whose token was good."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = Headers(tuple((key.lower().encode(), value.encode()) for key, value in (headers or {}).items()))
        delivery = Delivery(name, Kind.HOOK, job_id, lines, raw, self.clock())
        return await self.road.hook(registry.provider(name), delivery)

    async def fal_hook(self, job_id: str, request_id: str = "request-1", **body: Any) -> Recorded:
        """A callback that fal really signed."""
        raw = json.dumps({"request_id": request_id, "status": "OK", **body}).encode()
        at = int(self.clock().timestamp())
        return await self.hook(
            "fal", job_id, raw, FAL_KEYS.headers(raw, request_id=request_id, user_id="user", timestamp=at)
        )


@asynccontextmanager
async def open_house(
    folder: Path,
    answer: Answer = acknowledge,
    *,
    clock: Clock | None = None,
    client: httpx.AsyncClient | None = None,
    **given: Any,
) -> AsyncIterator[House]:
    """A house of its own: none of our environment counts. `client` takes the place of `answer`."""
    wire, clock = Wire(answer), clock or Clock()
    key_server = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: say(FAL_KEYS.jwks())))
    with pytest.MonkeyPatch.context() as patch:
        settings = arrange(patch, folder, **given)
        client = client or httpx.AsyncClient(transport=httpx.MockTransport(wire))
        keyring = Keyring(settings.secrets, settings.options, settings.tolerance, key_server)
        storage = open_storage(settings.storage_url, settings.account)
        road = Road(settings, Ledger(settings.database_url), storage, keyring, clock)
        desk = Desk(road, Caller(int(settings.max_body_bytes), client, scale=0))
        try:
            yield House(desk, wire, clock, folder)
        finally:
            await desk.aclose()
            await key_server.aclose()


def arrange(patch: pytest.MonkeyPatch, folder: Path, **given: Any) -> Settings:
    """The folder is where we work, and the environment holds spending keys and nothing else of ours."""
    patch.chdir(folder)
    for name in Settings.model_fields:
        patch.delenv(name.upper(), raising=False)
    for name, key in KEYS.items():
        patch.setenv(name, key)
    places = {"database_url": sqlite.ready(folder / "ledger.db"), "storage_url": f"file:{folder}/images"}
    return load(**{**places, "public_url": PUBLIC, "proofhook_secret": SECRET, "admin_token": "a" * 32, **given})


def written(folder: Path) -> bytes:
    """Every byte of every file below a folder: database, journal, pictures, keys."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def picture(color: str = "tan", size: int = 8, form: str = "PNG") -> bytes:
    """A small true picture."""
    held = io.BytesIO()
    Image.new("RGB", (size, size), color).save(held, form)
    return held.getvalue()
