"""Bytes as they are stored: a job's images, and our own style sheet."""

import contextlib
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from receiver import thumbs
from receiver.errors import UnknownEndpoint
from receiver.ledger.views import ImageView, JobView
from receiver.pages import inputs, ranges
from receiver.pages.gate import Lobby
from receiver.pages.render import HERE, STATIC
from receiver.pages.session import Session
from receiver.pages.views import asked_job
from receiver.storage import Storage
from receiver.wire.images import HEAD, SUFFIXES, sniff

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_NAMED = re.compile(r'(?:W/)?"([^"]*)"')
UNKNOWN = "application/octet-stream"


async def image(lobby: Lobby, request: Request, _session: Session) -> Response:
    """One stored image, byte for byte, as what its own first bytes say it is."""
    job = await asked_job(lobby, request)
    found = held(job, request.path_params["n"])
    return await served(lobby.road.storage, request, str(found.sha256), f"{job.id[:8]}-{found.n}")


async def thumbnail(lobby: Lobby, request: Request, session: Session) -> Response:
    """The small form of a stored image; the original, to be asked for again, as long as there is none."""
    job = await asked_job(lobby, request)
    found = held(job, request.path_params["n"])
    small = await thumbs.thumbnail(lobby.road, found, job.id)
    if small is None:
        response = await image(lobby, request, session)
        response.headers["Cache-Control"] = "private, max-age=60"
        return response
    headers = {"Cache-Control": "private, max-age=86400", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(small, headers=headers, media_type=sniff(small) or UNKNOWN)


async def input_image(lobby: Lobby, request: Request, _session: Session) -> Response:
    """An input picture that we hold, in the same way; a mere URL is never fetched. Raises UnknownEndpoint."""
    number = request.path_params["n"]
    job = await asked_job(lobby, request)
    found = next((each for each in inputs.of(job) if str(each.n) == number and each.sha256), None)
    if found is None:
        raise UnknownEndpoint("this job holds no input picture of that number")
    return await served(lobby.road.storage, request, found.sha256, f"{job.id[:8]}-input-{found.n}")


async def served(storage: Storage, request: Request, sha256: str, stem: str) -> Response:
    """The stored bytes of that hash, or the part that is asked for; to HEAD only how they would begin.

    Raises Permanent where they are not held, Unsatisfiable.
    """
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if _has(request, sha256):
        return Response(status_code=304, headers=headers)
    size = await storage.size(sha256)
    part = ranges.asked(request, size, headers["ETag"])
    start, stop = part or (0, size)
    chunks = storage.read(sha256, start=start, stop=stop)
    first = await anext(chunks, b"")  # what is not held is told before the answer begins
    media_type = sniff(await _head(storage, sha256, size) if part else first) or UNKNOWN
    name = f"{stem}{SUFFIXES.get(media_type, '.bin')}"
    headers |= {"Content-Length": str(stop - start), "Content-Disposition": f'inline; filename="{name}"'}
    if request.method == "HEAD":
        await _let_go(chunks)
        return Response(headers=headers, media_type=media_type)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return StreamingResponse(_all(first, chunks), 206 if part else 200, headers, media_type)


async def static(_desk: Lobby, request: Request) -> Response:
    """A file of ours. Its address changes with its bytes, so it may be kept."""
    name = request.path_params["file"]
    if name not in STATIC:
        raise UnknownEndpoint("there is no such file")
    body = (HERE / "static" / name).read_bytes()
    return Response(body, headers={"Cache-Control": "public, max-age=86400", "Content-Type": STATIC[name]})


async def nothing(_desk: Lobby, _request: Request) -> Response:
    """Every other address."""
    raise UnknownEndpoint("there is nothing at this address; the first page leads to all there is")


def held(job: JobView, number: str) -> ImageView:
    """The stored image of that number. Raises UnknownEndpoint."""
    wanted = int(number) if _NUMBER.fullmatch(number) else None
    found = next((each for each in job.images if each.n == wanted and each.sha256), None)
    if found is None:
        raise UnknownEndpoint("this job holds no image of that number (yet)")
    return found


def _has(request: Request, sha256: str) -> bool:
    """Whether the browser holds these bytes already (RFC 9110 §13.1.2)."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or sha256 in _NAMED.findall(given)


async def _head(storage: Storage, sha256: str, size: int) -> bytes:
    return b"".join([piece async for piece in storage.read(sha256, stop=min(HEAD, size))])


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes in order; the file is let go of even when the reader goes away half-way."""
    try:
        yield first
        async for chunk in rest:
            yield chunk
    finally:
        await _let_go(rest)


async def _let_go(chunks: AsyncIterator[bytes]) -> None:
    with contextlib.suppress(AttributeError):
        await chunks.aclose()  # type: ignore[attr-defined]  # only a generator has one
