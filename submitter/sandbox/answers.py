"""Reading a request and answering it, as far as all providers do it alike."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from submitter.sandbox.faults import Faults


def written(value: Any) -> bytes:
    """JSON in Python's default style, with its spaces, as fal's captured bodies have it; survives lone surrogates."""
    return json.dumps(value).encode()


def say(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(written(value), status, headers, media_type="application/json")


async def read(request: Request) -> Any:
    """The body as JSON. Raises ValueError, also for what is nested too deep to read."""
    try:
        return json.loads(await request.body())
    except RecursionError:
        raise ValueError("JSON nested too deep") from None


def credential(request: Request, scheme: str) -> str | None:
    """The key of `Authorization: <scheme> <key>`; None where it is missing, empty or of another scheme."""
    name, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() or None if name.lower() == scheme.lower() else None


def refused(faults: Faults) -> tuple[int, str, dict[str, str]] | None:
    """Status, message and headers when a fault closes the door."""
    if faults.strikes("refuse_429"):
        return 429, "Too many requests, please retry later", {"Retry-After": "1"}
    if faults.strikes("refuse_503"):
        return 503, "Service temporarily unavailable", {}
    if faults.strikes("error_500"):
        return 500, "Internal server error", {}
    return None


class Dropped(Response):
    """An answer that never comes to its end: the connection drops after the headers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        headers = [(b"content-type", b"application/json"), (b"content-length", b"512")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if "spec_version" in scope["asgi"]:
            return  # a server closes the connection of an answer left unfinished
        # httpx's in-process transport has no connection to drop: it takes the exception for the network's
        raise httpx.RemoteProtocolError("the sandbox dropped the connection")
