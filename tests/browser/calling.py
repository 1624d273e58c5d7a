"""Callbacks and answers as providers really send them, so that pages tell of true keys, clocks and bytes."""

import json
from datetime import timedelta
from typing import Any

import httpx

from receiver import registry
from receiver.keyring import Keyring
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.settings import Settings
from receiver.wire import schemes, tokens
from receiver.wire.types import Delivery, Event, Failure, Headers, ImageRef, Kind, Outcome
from submitter.sandbox.signing import FalKeys, bfl_headers
from tests.receiver.pages.seeding import Seed

FAL_KEYS = FalKeys(0)


def keyring(settings: Settings) -> Keyring:
    """One that holds fal's keys, without asking anybody."""
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=FAL_KEYS.jwks()))
    return Keyring(settings.secrets, settings.options, settings.tolerance, httpx.AsyncClient(transport=answer))


async def fal(
    seed: Seed, job_id: str, count: int = 1, *, age: int = 0, forged: bool = False, without: str = ""
) -> Recorded:
    """fal's callback with `count` images: signed `age` seconds ago, by a stranger, or `without` a header."""
    seed.clock.on(milliseconds=4)
    request_id = f"request-{job_id}"
    images = [{"url": f"https://v3.fal.media/files/{job_id[:4]}/{n}.jpg", "width": 1392} for n in range(count)]
    said = {"request_id": request_id, "status": "OK", "payload": {"images": images, "seed": 42}}
    body = json.dumps({"error": None, "gateway_request_id": request_id, **said}).encode()
    at = int(seed.clock.now.timestamp()) - age
    lines = FAL_KEYS.headers(body, request_id=request_id, user_id="user_2kAqnBzJ", timestamp=at, forged=forged)
    return await _called(seed, "fal", job_id, body, {name: lines[name] for name in lines if name != without})


async def fireworks(seed: Seed, job_id: str) -> Recorded:
    """Fireworks' callback, signed with the job's own secret."""
    result = {"sample": f"https://delivery-eu1.bfl.ai/results/{job_id[:4]}/sample.png", "seed": 42}
    body = json.dumps({"id": f"request-{job_id}", "status": "Ready", "result": result}).encode()
    secret = tokens.secret(seed.road.settings.secrets, "fireworks", job_id)
    return await _called(seed, "fireworks", job_id, body, dict(bfl_headers(body, secret)))


async def vtrix(seed: Seed, job_id: str, error: Failure | None = None) -> Recorded:
    """Vtrix's answer to our question: it has no callback."""
    said = {"id": f"request-{job_id}", "status": "failed" if error else "completed"}
    delivery = Delivery("vtrix", Kind.ANSWER, job_id, Headers(()), json.dumps(said).encode(), seed.clock.now)
    outcome = Outcome.MODERATED if error else Outcome.SUCCEEDED
    images = () if error else (ImageRef("0", url=f"https://cdn.vtrix.ai/{job_id[:4]}.png"),)
    event = Event(f"{job_id}:{outcome}", f"request-{job_id}", outcome, images, error)
    arrival = Arrival(delivery, schemes.asked(delivery), (event,), lifetime=timedelta(hours=24))
    return await seed.road.ledger.record(arrival)


async def _called(seed: Seed, provider: str, job_id: str, body: bytes, lines: dict[str, Any]) -> Recorded:
    lines = {"content-type": "application/json", "user-agent": f"{provider}-webhook/2", **lines}
    headers = Headers(tuple((name.lower().encode(), value.encode()) for name, value in lines.items()))
    delivery = Delivery(provider, Kind.HOOK, job_id, headers, body, seed.clock.now)
    return await seed.road.hook(registry.provider(provider), delivery)
