"""Result files: drawn when asked for, gone after their lifetime, and the ways a download can go wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from submitter.sandbox.faults import Faults
from submitter.sandbox.picture import Picture, draw

DAY = 86400.0
# Seconds. fal: "at least 7 days" (its media page). Fireworks, Runware without ttl, Vtrix: no page says; Fireworks
# stands in for Black Forest Labs, whose URLs live 10 minutes.
LIFETIMES: dict[str, float] = {"fal": 7 * DAY, "fireworks": 600.0, "runware": 7 * DAY, "vtrix": DAY}

HUGE = 80 * 1024 * 1024
_CHUNK = 64 * 1024
_DRIPS = 100
# RFC 5737: an address of documentation, which no network routes and no guarded receiver visits.
_FORBIDDEN = "http://192.0.2.1/latest/meta-data/"


class Surroundings(Protocol):
    """The part of the world that files need."""

    base_url: str
    time_scale: float
    faults: Faults

    async def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _File:
    picture: Picture
    expires_at: float


class Files:
    def __init__(self, world: Surroundings, lifetimes: Mapping[str, float]) -> None:
        self._world = world
        self._lifetimes = {**LIFETIMES, **lifetimes}
        self._files: dict[tuple[str, str], _File] = {}
        self._huge = 0

    def keep(self, picture: Picture, path: str, *, lifetime: float | None = None) -> str:
        """Publish a picture under the provider's own path; answers its URL."""
        seconds = self._lifetimes[picture.provider] if lifetime is None else lifetime
        if self._world.faults.strikes("expired_url"):
            seconds = 0.0
        expires_at = time.monotonic() + seconds * self._world.time_scale
        self._files[picture.provider, path] = _File(picture, expires_at)
        return f"{self._world.base_url}/{picture.provider}/{path}"

    async def serve(self, provider: str, path: str) -> Response:
        """Answer a download: 404 for what never was, 410 for what is gone (fal, whose files vanish, says 404)."""
        file = self._files.get((provider, path))
        if file is None:
            return JSONResponse({"detail": "Not Found"}, 404)
        if time.monotonic() >= file.expires_at:
            return JSONResponse({"detail": "the file has expired"}, 404 if provider == "fal" else 410)
        return self._spoiled() or await self._whole(file.picture)

    def _spoiled(self) -> Response | None:
        strikes = self._world.faults.strikes
        if strikes("html_image"):
            return HTMLResponse("<!doctype html><title>Sign in</title><p>This is not a picture.</p>")
        if strikes("redirect_image"):
            return RedirectResponse(_FORBIDDEN, 302)
        return None

    async def _whole(self, picture: Picture) -> Response:
        data = await asyncio.to_thread(draw, picture)
        strikes = self._world.faults.strikes
        if strikes("huge_image"):
            self._huge += 1
            announced = {"content-length": str(HUGE)} if self._huge % 2 else {}
            return StreamingResponse(_padded(data), media_type=picture.media_type, headers=announced)
        if strikes("truncated_image"):
            data = data[: len(data) // 2]
        length = {"content-length": str(len(data))}
        flow = self._drip(data) if strikes("slow_image") else _stream(data)
        return StreamingResponse(flow, media_type=picture.media_type, headers=length)

    async def _drip(self, data: bytes) -> AsyncIterator[bytes]:
        step = max(len(data) // _DRIPS, 1)
        for start in range(0, len(data), step):
            yield data[start : start + step]
            await self._world.wait(0.3)


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK):
        yield data[start : start + _CHUNK]


async def _padded(data: bytes) -> AsyncIterator[bytes]:
    """A true beginning, then zeros: only counting stops it."""
    yield data
    left, zeros = HUGE - len(data), bytes(_CHUNK)
    while left > 0:
        yield zeros[:left]
        left -= _CHUNK
