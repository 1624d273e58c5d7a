"""Everything that is not us, on loopback: pictures to download, fal's key server, and Fireworks when it is asked."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from starlette.types import Receive, Scope, Send

from tests.whole.stage import free_port, serving

SEED = "5" * 64
"""Of fal's key."""


def picture(number: int) -> bytes:
    """The picture of that number: small, true, and like no other."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (number & 255, number >> 8 & 255, number >> 16 & 255)).save(out, "PNG")
    return out.getvalue()


def large(number: int) -> bytes:
    """A picture of several chunks; what stands behind a PNG's end is not looked at, and makes it like no other."""
    out = io.BytesIO()
    Image.effect_noise((400, 400), 90).save(out, "PNG")
    return out.getvalue() + number.to_bytes(4, "big")


def named(data: bytes) -> str:
    return sha256(data).hexdigest()


@dataclass(slots=True)
class Elsewhere:
    """`results` maps a request id to its picture's number; `slow` holds back answers, downloads half sent, until set.

    `broken` is how many downloads are answered with 500."""

    origin: str
    results: dict[str, int] = field(default_factory=dict)
    downloads: int = 0
    questions: int = 0
    slow: asyncio.Event | None = None
    broken: int = 0

    def url(self, number: int) -> str:
        return f"{self.origin}/pictures/{number}.png"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        if path.startswith("/pictures/"):
            await self._picture(int(path.removeprefix("/pictures/").removesuffix(".png")), send)
        elif path == "/jwks":
            await _answer(send, _jwks())
        else:
            await self._asked(receive, send)

    async def _picture(self, number: int, send: Send) -> None:
        self.downloads += 1
        if self.broken > 0:
            self.broken -= 1
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        data = picture(number)
        await _answer(send, data[:40], len(data), more=True)
        if self.slow is not None:
            await self.slow.wait()
        await send({"type": "http.response.body", "body": data[40:]})

    async def _asked(self, receive: Receive, send: Send) -> None:
        self.questions += 1
        request_id = json.loads((await receive())["body"])["id"]
        if self.slow is not None:
            await self.slow.wait()
        result = {"sample": self.url(self.results[request_id])}
        await _answer(send, json.dumps({"id": request_id, "status": "Ready", "result": result}).encode())


async def _answer(send: Send, body: bytes, length: int | None = None, *, more: bool = False) -> None:
    lines = [(b"content-length", str(length or len(body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": more})


def _jwks() -> bytes:
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEED)).public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x}]}).encode()


@asynccontextmanager
async def elsewhere() -> AsyncIterator[Elsewhere]:
    port = free_port()
    there = Elsewhere(f"http://127.0.0.1:{port}")
    async with serving(there, port, lifespan="off"):
        yield there
