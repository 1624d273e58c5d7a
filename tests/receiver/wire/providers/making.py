"""Values that the providers' tests share: a job, a delivery, an answer, endpoints. Literals only."""

import json
from datetime import UTC, datetime
from typing import Any

from receiver.wire.orders import Asking, Endpoints, Reply
from receiver.wire.provider import Provider
from receiver.wire.schemes import asked
from receiver.wire.types import Delivery, Headers, Kind, Verified

JOB = "0b2f6c1e-5d43-4a8e-9c57-1f6f0f3a7d20"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
UPLOADS = tuple(f"https://hooks.example/uploads/x/{JOB}.{place}.mac" for place in range(20))
ENDPOINTS = Endpoints(hook=f"https://hooks.example/hooks/x/{JOB}.mac", uploads=UPLOADS, secret="s3cret")


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def hook(provider: Provider, body: Any, *headers: tuple[bytes, bytes], job_id: str | None = JOB) -> Delivery:
    return Delivery(provider.name, Kind.HOOK, job_id, Headers(headers), raw(body), NOW)


def answer(provider: Provider, body: Any, status: int = 200) -> Verified:
    headers = Headers(((b":status", str(status).encode()),))
    return asked(Delivery(provider.name, Kind.ANSWER, JOB, headers, raw(body), NOW))


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, raw(body))


def asking(provider: Provider, request_id: str | None = "r-1", expected: int = 1, *, upload: bool = False) -> Asking:
    model = {"fireworks": "flux-kontext-max"}.get(provider.name, "m")
    return Asking(JOB, "https://api.example", model, request_id, {}, expected, upload)


def sent(body: bytes | None) -> Any:
    assert body is not None
    return json.loads(body)
