"""A key server that is no server, and a keyring that asks it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx

from receiver import registry
from receiver.keyring import Keyring

FAL = registry.provider("fal")
JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
ONE, TWO = b"\1" * 32, b"\2" * 32


def jwk(x: bytes, **changed: object) -> dict[str, object]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(x).rstrip(b"=").decode(), **changed}


def jwks(*keys: object) -> httpx.Response:
    return httpx.Response(200, content=json.dumps({"keys": keys}).encode())


class Server:
    """A key server: gives `answer`, or raises it, and counts."""

    def __init__(self, answer: httpx.Response | Exception) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def ring(server: Server, options: Mapping[str, str] | None = None) -> AsyncIterator[Keyring]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
        yield Keyring([b"o" * 32, b"n" * 32], options or {}, timedelta(seconds=77), client)


async def materials(keyring: Keyring, now: datetime = NOW) -> list[bytes]:
    return [key.material for key in (await keyring.trust(FAL, JOB, now)).keys]
