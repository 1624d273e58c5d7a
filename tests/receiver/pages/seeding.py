"""Jobs as the receiver would have written them, put into a real ledger and a real folder."""

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from receiver.errors import Refused, StaleTimestamp
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.jobs import Opening
from receiver.ledger.tasks import Collected, Task
from receiver.road import Road
from receiver.wire import schemes
from receiver.wire.orders import Acknowledged
from receiver.wire.types import Delivery, Event, Failure, Headers, ImageRef, Kind, Outcome

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADMIN = "an admin token for tests"
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = T0

    def __call__(self) -> datetime:
        return self.now

    def on(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


def png(size: tuple[int, int] = (64, 48), colour: str = "teal") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


@dataclass
class Seed:
    """Writes facts at the clock's time."""

    road: Road
    clock: Clock
    new_id: Callable[[], uuid.UUID] = uuid.uuid4

    async def opened(self, provider: str = "fal", prompt: str = "Put a donut next to the flour.", **given: Any) -> str:
        """A job whose provider has taken it, as `request-<its id>`."""
        job_id = str(self.new_id())
        facts: dict[str, Any] = {
            "model": "flux-pro/kontext", "order": {"prompt": prompt, "seed": 42, "aspect_ratio": "16:9"},
            "order_digest": "0" * 64,
            "params": {"prompt": prompt, "seed": "42", "aspect_ratio": "16:9"}, "expected": 1, "upload": False,
            "deadline_at": self.clock.now + timedelta(hours=1), "ask_at": None, **given,
        }  # fmt: skip
        await self.road.ledger.opened(Opening(id=job_id, provider=provider, created_at=self.clock.now, **facts))
        await self.road.ledger.noted(job_id, Acknowledged(f"request-{job_id}"), self.clock.on(milliseconds=360))
        return job_id

    async def came(
        self, job_id: str, provider: str = "fal", *, refusal: Refused | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (), body: bytes = b"{}", images: int = 1,
        error: Failure | None = None,
    ) -> Recorded:  # fmt: skip
        """A callback with images (or an error), or a refused one."""
        delivery = Delivery(provider, Kind.HOOK, job_id, Headers(headers), body, self.clock.on(seconds=2))
        if refusal is not None:
            return await self.road.ledger.record(Arrival(delivery, refusal=refusal))
        refs = tuple(ImageRef(str(n), url=f"https://v3.fal.media/{n}?sig=private") for n in range(images))
        outcome = Outcome.FAILED if error else Outcome.SUCCEEDED
        event = Event(f"{job_id}:{outcome}", f"request-{job_id}", outcome, () if error else refs, error)
        lifetime = timedelta(minutes=10)
        return await self.road.ledger.record(
            Arrival(delivery, schemes.capability(delivery), (event,), lifetime=lifetime)
        )

    async def stored(
        self, job_id: str, data: bytes | None = None, key: str = "0", media_type: str = "image/png"
    ) -> str:
        """One image of the job is here; returns its hash."""
        data = data or png()
        held = await self.road.storage.put(data)
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
        collected = Collected(held.sha256, media_type, width, height, held.bytes, "download")
        await self.road.ledger.stored(self.task(job_id, key), collected, self.clock.on(milliseconds=206))
        return held.sha256

    async def buried(self, job_id: str, error: str, key: str = "0") -> None:
        await self.road.ledger.buried(self.task(job_id, key), error, self.clock.on(seconds=1))

    async def delivered(self, provider: str = "fal", data: bytes | None = None, **given: Any) -> str:
        """A job from beginning to end."""
        job_id = await self.opened(provider, **given)
        await self.came(job_id, provider)
        await self.stored(job_id, data)
        return job_id

    async def stale(self, job_id: str) -> Recorded:
        return await self.came(job_id, refusal=StaleTimestamp("signed 412 s ago, limit 300"), body=job_id.encode())

    @staticmethod
    def task(job_id: str, key: str) -> Task:
        return Task(job_id, key, "fal", None, None, None, 1, None)
