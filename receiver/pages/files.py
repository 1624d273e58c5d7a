"""Bytes as they are stored: a job's images, and our own style sheet."""

import contextlib
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from receiver.errors import UnknownEndpoint
from receiver.ledger.views import ImageView
from receiver.pages.gate import Lobby
from receiver.pages.render import HERE, STATIC
from receiver.pages.session import Session
from receiver.pages.views import asked_job
from receiver.wire.images import SUFFIXES, sniff

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_NAMED = re.compile(r'(?:W/)?"([^"]*)"')
UNKNOWN = "application/octet-stream"


async def image(lobby: Lobby, request: Request, _session: Session) -> Response:
    """One stored image, byte for byte, as what its own first bytes say it is."""
    held = await _asked(lobby, request)
    sha256 = str(held.sha256)
    headers = {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if _has(request, sha256):
        return Response(status_code=304, headers=headers)
    size = await lobby.road.storage.size(sha256)
    chunks = lobby.road.storage.read(sha256)
    first = await anext(chunks, b"")
    media_type = sniff(first) or UNKNOWN
    name = f"{request.path_params['id'][:8]}-{held.n}{SUFFIXES.get(media_type, '.bin')}"
    headers |= {"Content-Length": str(size), "Content-Disposition": f'inline; filename="{name}"'}
    return StreamingResponse(_all(first, chunks), headers=headers, media_type=media_type)


async def static(_desk: Lobby, request: Request) -> Response:
    """A file of ours. Its address changes with its bytes, so it may be kept."""
    name = request.path_params["file"]
    if name not in STATIC:
        raise UnknownEndpoint("there is no such file")
    body = (HERE / "static" / name).read_bytes()
    return Response(body, headers={"Cache-Control": "public, max-age=86400", "Content-Type": STATIC[name]})


async def nothing(_desk: Lobby, _request: Request) -> Response:
    """Every other address."""
    raise UnknownEndpoint("there is nothing at this address; the jobs are on the first page")


async def _asked(lobby: Lobby, request: Request) -> ImageView:
    """The image that the address names. Raises NoSuchJob, UnknownEndpoint."""
    number = request.path_params["n"]
    job = await asked_job(lobby, request)
    wanted = int(number) if _NUMBER.fullmatch(number) else None
    found = next((each for each in job.images if each.n == wanted and each.sha256), None)
    if found is None:
        raise UnknownEndpoint("this job holds no image of that number (yet)")
    return found


def _has(request: Request, sha256: str) -> bool:
    """Whether the browser holds these bytes already (RFC 9110 §13.1.2)."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or sha256 in _NAMED.findall(given)


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes in order; the file is let go of even when the reader goes away half-way."""
    try:
        yield first
        async for chunk in rest:
            yield chunk
    finally:
        with contextlib.suppress(AttributeError):
            await rest.aclose()  # type: ignore[attr-defined]  # only a generator has one
