"""The senders' side: keys made from a phrase, and signed requests of 2 KB in fal's and Fireworks' own form.

Everything about job number N follows from N, so that databases and requests are made apart from each other.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receiver.wire import tokens

BODY_BYTES = 2048
OWN_KEY = hashlib.sha256(b"proofhook benchmarks: our own key").hexdigest()
PLAIN_SECRET = hashlib.sha256(b"proofhook benchmarks: one secret for all").hexdigest().encode()
_FAL = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"proofhook benchmarks: fal").digest())
FAL_PUBLIC = _FAL.public_key()
STAMP = str(int(time.time()))


FIRST_JOB = 1_790_000_000_000
"""Milliseconds since 1970, of the first of the jobs."""


def job_id(provider: str, number: int) -> str:
    """As `receiver.ledger.ids.job_id` makes them, the time first: here a job each millisecond."""
    at = f"{FIRST_JOB + number:012x}"
    return f"{at[:8]}-{at[8:]}{_uuid(f'job {provider} {number}')[13:]}"


def request_id(provider: str, number: int) -> str:
    return _uuid(f"request {provider} {number}")


def _uuid(name: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def jwks() -> bytes:
    x = base64.urlsafe_b64encode(FAL_PUBLIC.public_bytes_raw()).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).encode()


def fal(number: int, files: str) -> bytes:
    """A callback of fal's queue, FLUX.1 Kontext [pro]: one image."""
    asked = request_id("fal", number)
    image = {"url": f"{files}/files/rabbit/{asked}_output.png", "width": 832, "height": 832}
    payload = {"images": [{**image, "content_type": "image/png"}], "timings": {"inference": 5.21}, "seed": 17454220438}
    told = {"request_id": asked, "gateway_request_id": asked, "status": "OK", "error": None}
    body = _filled({**told, "payload": {**payload, "has_nsfw_concepts": [False], "prompt": ""}}, "payload")
    message = "\n".join((asked, "user_benchmark", STAMP, hashlib.sha256(body).hexdigest()))
    signed = {
        "X-Fal-Webhook-Request-Id": asked,
        "X-Fal-Webhook-User-Id": "user_benchmark",
        "X-Fal-Webhook-Timestamp": STAMP,
        "X-Fal-Webhook-Signature": _FAL.sign(message.encode()).hex(),
    }
    return _request(_door("fal", number), signed, body)


def fireworks(number: int, files: str) -> bytes:
    """A callback of Fireworks: signed with the secret that was handed out with this one job."""
    body = _fireworks_body(number, files)
    secret = tokens.secret([OWN_KEY.encode()], "fireworks", job_id("fireworks", number)).encode()
    return _request(_door("fireworks", number), _bfl(secret, body), body)


def plain(number: int, files: str) -> bytes:
    """The same body signed with one secret for all, at one address: what a receiver without jobs can be given."""
    body = _fireworks_body(number, files)
    return _request("/hooks/hmac", _bfl(PLAIN_SECRET, body), body)


def _fireworks_body(number: int, files: str) -> bytes:
    asked = request_id("fireworks", number)
    query = "se=2026-11-20T10%3A10%3A00Z&sp=r&sv=2024-11-04&sr=b&rsct=image/png&sig=abcdefghijklmnopqrstuvwxyz012345"
    result = {"sample": f"{files}/results/{asked}/sample.png?{query}", "seed": 42, "prompt": ""}
    told = {"id": asked, "status": "Ready", "result": result, "progress": None, "details": None}
    return _filled(told, "result")


def _filled(told: dict[str, Any], inner: str) -> bytes:
    """The prompt, which providers repeat, makes up the size."""
    size = len(json.dumps(told))
    prompt = "Put a donut next to the flour, and leave everything else as it is. " * 40
    told[inner]["prompt"] = prompt[: BODY_BYTES - size]
    return json.dumps(told).encode()


def _bfl(secret: bytes, body: bytes) -> dict[str, str]:
    return {"X-BFL-Signature": f"sha256={hmac.digest(secret, body, 'sha256').hex()}"}


def _door(provider: str, number: int) -> str:
    return f"/hooks/{provider}/{tokens.mint([OWN_KEY.encode()], 'hook', provider, job_id(provider, number))}"


def _request(path: str, signed: dict[str, str], body: bytes) -> bytes:
    usual = {"Host": "127.0.0.1", "User-Agent": "python-httpx/0.28.1", "Accept": "*/*"}
    sized = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**usual, **sized, **signed}.items()]
    return "\r\n".join((f"POST {path} HTTP/1.1", *lines, "", "")).encode() + body
