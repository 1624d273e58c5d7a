"""Values that the ledger's tests are made of: one moment, jobs, deliveries, results, and a look at the rows."""

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import select

from receiver.errors import LedgerBusy, Refused
from receiver.ledger import tables
from receiver.ledger.arrivals import Arrival
from receiver.ledger.jobs import Opening
from receiver.ledger.ledger import Ledger
from receiver.ledger.tasks import Collected
from receiver.wire import schemes
from receiver.wire.orders import Acknowledged
from receiver.wire.types import Delivery, Event, Failure, Headers, ImageRef, Kind, Outcome

T = TypeVar("T")
NOW = datetime(2026, 11, 20, 12, 0, 0, 250, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)
LATER = NOW + timedelta(hours=2)
REQUEST = "request-1"


def new_job_id() -> str:
    return str(uuid.uuid4())


def opening(job_id: str, **other: Any) -> Opening:
    """A fal job for one picture; `other` says what is different."""
    facts: dict[str, Any] = {
        "id": job_id,
        "provider": "fal",
        "model": "fal-ai/flux-pro/kontext",
        "order": {"prompt": "a donut"},
        "order_digest": "d1",
        "params": {"prompt": "a donut"},
        "expected": 1,
        "upload": False,
        "created_at": NOW,
        "deadline_at": SOON,
        "ask_at": NOW + timedelta(minutes=2),
    }
    return Opening(**(facts | other))


async def opened(ledger: Ledger, **other: Any) -> str:
    """The id of a job that stands in the ledger."""
    job_id, _ = await ledger.opened(opening(new_job_id(), **other))
    return job_id


def delivery(job_id: str | None, kind: Kind = Kind.HOOK, provider: str = "fal", body: bytes = b"{}") -> Delivery:
    return Delivery(provider, kind, job_id, Headers(((b"host", b"x"), (b"via", b"\xff"))), body, NOW)


def arrival(job_id: str | None, *events: Event, **other: Any) -> Arrival:
    """A delivery that is believed, with what it says; `other` is of the delivery or of the arrival."""
    of_delivery = {name: other.pop(name) for name in ("kind", "provider", "body") if name in other}
    came = delivery(job_id, **of_delivery)
    verified = schemes.asked(came) if came.kind is Kind.ANSWER else schemes.capability(came)
    return Arrival(came, verified, events, **other)


def refused(job_id: str, refusal: Refused, body: bytes = b"junk", **other: Any) -> Arrival:
    return Arrival(delivery(job_id, body=body, **other), refusal=refusal)


def upload(job_id: str, place: int, data: bytes, provider: str = "runware") -> Arrival:
    """Bytes PUT to a place, as `receiver.road` hands them over."""
    key, digest = str(place), sha(data)
    event = Event(f"upload:{key}:{digest}", job_id, Outcome.SUCCEEDED, (ImageRef(key, place=place),))
    of_body = {"body_sha256": digest, "body_bytes": len(data)}
    return arrival(job_id, event, kind=Kind.UPLOAD, provider=provider, body=b"", staged={key: digest}, **of_body)


def image(key: str = "0", cost: str | None = None, **other: Any) -> ImageRef:
    """A result to fetch; its URL follows from its key."""
    price = Decimal(cost) if cost else None
    return ImageRef(key, **({"url": f"https://fal.media/{key}.png", "seed": "9" * 25, "cost": price} | other))


def success(*images: ImageRef, name: str = "", request_id: str = REQUEST, cost: str | None = None) -> Event:
    keys = ",".join(ref.key for ref in images)
    price = Decimal(cost) if cost else None
    return Event(name or f"{request_id}:succeeded:{keys}", request_id, Outcome.SUCCEEDED, images, cost=price)


def failure(code: str = "boom", name: str = "", request_id: str = REQUEST) -> Event:
    said = Failure(code, f"it went {code}")
    return Event(name or f"{request_id}:failed:{code}", request_id, Outcome.FAILED, error=said)


def sign(outcome: Outcome, request_id: str = REQUEST) -> Event:
    """Progress, or an unclear word."""
    return Event(f"{request_id}:{outcome.value}", request_id, outcome)


def acknowledged(request_id: str = REQUEST, cost: str | None = None) -> Acknowledged:
    return Acknowledged(request_id, {"status": "https://queue.fal.run/s"}, Decimal(cost) if cost else None)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def collected(data: bytes = b"a picture", arrived_by: str = "download") -> Collected:
    return Collected(sha(data), "image/png", 64, 32, len(data), arrived_by)


def rows(ledger: Ledger, table: Any, **where: Any) -> list[dict[str, Any]]:
    """What stands in a table, read by a connection of its own."""
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    return ledger._look(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def job_row(ledger: Ledger, job_id: str) -> dict[str, Any]:
    [row] = rows(ledger, tables.job, id=job_id)
    return row


async def collect_all(ledger: Ledger, now: datetime = SOON) -> int:
    """Be the worker: store every image that is due. Returns how many there were."""
    taken = await ledger.leased("worker", now, now + timedelta(minutes=1), 100)
    for task in taken:
        await ledger.stored(task, collected(task.image_key.encode()), now)
    return len(taken)


def cut_off(database_url: str) -> None:
    """End every connection to a server's database but ours, as its restart does."""
    import psycopg

    with psycopg.connect(database_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask as a provider does: while we are busy, again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await ask()
            except LedgerBusy:
                await asyncio.sleep(0.02)
