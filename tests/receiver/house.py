"""A receiver to knock at: the real app on a SQLite file and a folder, with a clock and a key server in hand."""

import io
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from receiver import registry
from receiver.app import App, create_app
from receiver.keyring import Keyring
from receiver.ledger import tables
from receiver.ledger.jobs import Opening
from receiver.ledger.ledger import Ledger
from receiver.ledger.views import JobView
from receiver.outgoing import endpoints
from receiver.road import Road
from receiver.rotation import Rotation
from receiver.settings import Settings, load
from receiver.storage import Folder, Storage
from receiver.wire import tokens
from receiver.wire.orders import Acknowledged, Prepared
from tests import sqlite
from tests.receiver.keyserver import Server, jwk, jwks
from tests.receiver.ledger.ledgers import rows
from tests.samples import make

SEED, OTHER_SEED = "1" * 64, "2" * 64
"""Of fal's key that the key server gives, and of one that it does not."""
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PUBLIC = "http://hooks.example"
SECRETS = {"proofhook_secret": "an old key of our own,the new key of our own", "admin_token": "a token for people"}


@dataclass(slots=True)
class Clock:
    """The time, moved by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def ahead(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True, slots=True)
class Placed:
    """A job whose row stands, with the URLs and the secret that its provider was given."""

    id: str
    provider: str
    request_id: str
    hook: str
    uploads: tuple[str, ...]
    secret: str


@dataclass(slots=True)
class House:
    """`client` knocks at the app, `keys` is fal's key server."""

    app: App
    road: Road
    clock: Clock
    keys: Server
    client: httpx.AsyncClient
    folder: Path

    async def place(
        self,
        provider: str = "fal",
        *,
        expected: int = 1,
        upload: bool = False,
        noted: bool = True,
        params: Mapping[str, Any] | None = None,
    ) -> Placed:
        """Open a job's row and mint its URLs; `noted` says whether the provider has acknowledged it yet."""
        job_id, now = str(uuid.uuid4()), self.clock()
        await self.road.ledger.opened(
            Opening(
                id=job_id, provider=provider, model="m", order={}, order_digest="d", params=dict(params or {}),
                expected=expected, upload=upload, created_at=now, deadline_at=now + timedelta(hours=1),
                ask_at=now + timedelta(minutes=2),
            )
        )  # fmt: skip
        given = endpoints(
            self.road.settings, registry.provider(provider), job_id, Prepared("m", {}, expected, upload=upload)
        )
        request_id = job_id if provider == "runware" else str(uuid.uuid4())
        if noted:
            await self.road.ledger.noted(job_id, Acknowledged(request_id), now)
        return Placed(job_id, provider, request_id, given.hook, given.uploads, given.secret)

    async def post(self, job: Placed, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.client.post(job.hook, content=body, headers=headers)

    async def job(self, job: Placed) -> JobView:
        return await self.road.ledger.job(job.id)

    def rows(self, table: Any, **where: Any) -> list[dict[str, Any]]:
        return rows(self.road.ledger, table, **where)

    def count(self, job: Placed) -> dict[str, int]:
        """How many rows hang on a job."""
        kinds = {"deliveries": tables.delivery, "events": tables.event, "images": tables.image, "tasks": tables.task}
        return {name: len(self.rows(table, job_id=job.id)) for name, table in kinds.items()}

    def signed(self, job: Placed, body: bytes, seed: str = SEED, **changed: str) -> dict[str, str]:
        """fal's headers over a body, signed at the clock's time by other code than the receiver's."""
        stamp = str(int(self.clock().timestamp()))
        recipe = {"seed": seed, "request_id": job.request_id, "user_id": "user_1", "timestamp": stamp}
        return dict(make.fal_ed25519(body, recipe | changed))

    async def fal(self, job: Placed, body: bytes | None = None, **changed: str) -> httpx.Response:
        """A correctly signed callback of fal's."""
        body = done(job.request_id) if body is None else body
        return await self.post(job, body, self.signed(job, body, **changed))


def public(seed: str) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key().public_bytes_raw()


def configured(folder: Path, **given: Any) -> Settings:
    """Settings of a house in that folder; nothing of this machine's own is read but what a test sets."""
    there = {"database_url": f"sqlite:///{folder}/ledger.db", "storage_url": f"file:{folder}/images"}
    return load(_env_file=None, **(there | SECRETS | {"public_url": PUBLIC} | given))


@asynccontextmanager
async def opened(folder: Path, storage: Storage | None = None, **given: Any) -> AsyncIterator[House]:
    """A house with one key at its key server; `given` are settings that differ."""
    database_url = given.pop("database_url", None) or sqlite.ready(folder / "ledger.db")
    settings, clock = configured(folder, database_url=database_url, **given), Clock()
    server = Server(jwks(jwk(public(SEED), kid="fal-1")))
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as asking:
        keyring = Keyring(settings.secrets, settings.options, settings.tolerance, asking)
        kept = storage or Folder(folder / "images")
        road = Road(settings, Ledger(settings.database_url), kept, keyring, clock, Rotation(settings))
        app = create_app(road=road)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC) as client:
            try:
                yield House(app, road, clock, server, client, folder)
            finally:
                await road.aclose()


def done(request_id: str, *urls: str, **changed: Any) -> bytes:
    """fal's body of success, in its own style."""
    images = [{"url": url, "content_type": "image/png"} for url in urls or ("https://v3.fal.media/files/a/b.png",)]
    said = {"error": None, "request_id": request_id, "status": "OK", "payload": {"images": images, "seed": 2**64 - 1}}
    return json.dumps(said | changed).encode()


def item(job: Placed, place: int = 0, **changed: Any) -> dict[str, Any]:
    """One result in Runware's words."""
    known = {"taskType": "imageInference", "taskUUID": tokens.family(job.id, place), "imageUUID": f"image-{place}"}
    return known | {"imageURL": f"https://im.runware.ai/image/{place}.jpg", "seed": 7, "cost": 0.04} | changed


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def png(size: tuple[int, int] = (8, 6), color: str = "teal", kind: str = "PNG") -> bytes:
    """A picture that decodes."""
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind)
    return out.getvalue()
