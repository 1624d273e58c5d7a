"""`create_app()`: the doors in front, then health and pages. Errors become answers here and nowhere else."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from receiver import errors, here
from receiver.hooks import Answer, Gone, hook
from receiver.log import get_logger
from receiver.road import Road, open_road
from receiver.settings import Settings, load
from receiver.uploads import upload

if TYPE_CHECKING:
    from receiver.api.stream import Stream

STATUS: dict[type[errors.ProofhookError], int] = {
    errors.UnknownEndpoint: 404,
    errors.Malformed: 400,
    errors.WrongRequest: 409,
    errors.TooLarge: 413,
    errors.NotAnImage: 415,
    errors.BadSignature: 401,
    errors.TryLater: 503,
}
"""Class → status; a class without a line has its parent's."""

Door = Callable[[Road, Scope, Receive, str, str], Awaitable[Answer]]
DOORS: dict[str, tuple[str, Door]] = {"hooks": ("POST", hook), "uploads": ("PUT", upload)}

HEALTH = ("/healthz", "/readyz")
ALIVE = Answer(200, b'{"alive":true}')

NOTHING = "there is nothing at this address"
"""What every wrong URL is told, whatever is wrong with it: nothing can be probed."""


def status_of(error: errors.ProofhookError) -> int:
    """The HTTP status of an error; 500 is a defect and never meant."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def create_app(settings: Settings | None = None, road: Road | None = None) -> "App":
    """The receiver as an ASGI app, to be served or mounted. Raises Misconfigured."""
    return App(road or open_road(settings or load()))


class App:
    """The doors stand before the pages: a callback costs no more than it must, and nothing there redirects.

    Pages, API and metrics, and the framework under them, are imported when somebody asks for one; most web processes
    never need them.
    """

    def __init__(self, road: Road) -> None:
        """Raises Misconfigured where no ADMIN_TOKEN can be had, or VIEWER_TOKEN is the same."""
        _ = road.settings.admin, road.settings.viewer
        self.road = road
        self._log = get_logger("receiver").bind()  # bound once: a lazy one costs each delivery
        self._rooms: dict[str, ASGIApp] = {}
        self._stream: Stream | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._life(receive, send)
            return
        path = _path(scope)
        parts = path.removeprefix("/").split("/") if scope["type"] == "http" else []
        if parts and parts[0] in DOORS:
            await self._door(parts, scope, receive, send)
        elif path in HEALTH and scope["type"] == "http":
            await self._health(path, scope, send)
        else:
            name = parts[0] if parts and parts[0] in ROOMS else ""
            room = self._rooms.get(name) or await self._open(name)
            await room(scope, receive, send)

    def ending(self) -> None:
        """The process is about to stop: whoever listens to events, or waits for a job, comes to an end now."""
        if self._stream is not None:
            self._stream.end()

    async def aclose(self) -> None:
        """Write what waits and let go."""
        self.ending()
        await self.road.aclose()

    async def _life(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan: nothing to start, and everything to end."""
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, name: str) -> ASGIApp:
        async with self._opening:
            if name not in self._rooms:
                self._rooms[name] = await asyncio.to_thread(self._opened, name)
        return self._rooms[name]

    def _opened(self, name: str) -> ASGIApp:
        from receiver.api.stream import Stream  # noqa: PLC0415  see App

        self._stream = self._stream or Stream(self.road)
        return ROOMS[name](self.road, self._stream)

    async def _door(self, parts: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        method, door = DOORS[parts[0]]
        try:
            if len(parts) != 3:  # noqa: PLR2004  /door/provider/token
                raise errors.UnknownEndpoint(NOTHING)
            if scope["method"] != method:
                answer = _wrong_method(method)
            else:
                answer = await door(self.road, scope, receive, parts[1], parts[2])
        except Gone:
            self.road.tally.answers[parts[0], "", "gone"] += 1
            self._log.info("sender went away", door=parts[0])
            return
        except errors.ProofhookError as error:
            answer = refusal(error)
        self.road.tally.answered(parts[0], answer.provider, answer.verdict, perf_counter() - began)
        _line(self._log, parts[0], scope, answer, began)
        await _send(send, answer, allow=method)

    async def _health(self, path: str, scope: Scope, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _send(send, _wrong_method("GET"), allow="GET, HEAD")
            return
        answer = self._alive(scope) if path == "/healthz" else await self._ready()
        await _send(send, answer, head=scope["method"] == "HEAD")

    def _alive(self, scope: Scope) -> Answer:
        """Whoever asks with a secret of ours is told that it is us: see receiver/here.py."""
        told = here.answer(self.road.settings.secrets, scope, self.road.clock()) if scope["query_string"] else None
        return Answer(200, told) if told else ALIVE

    async def _ready(self) -> Answer:
        """200 when database, schema and storage answer, else 503 with the reason."""
        try:
            await self.road.ledger.ready()
            await self.road.storage.ready()
        except errors.ProofhookError as error:
            said = {"ready": False, "error": error.slug, "detail": str(error)}
            return Answer(503, json.dumps(said).encode())
        return Answer(200, b'{"ready":true}')


def _pages(road: Road, stream: "Stream") -> ASGIApp:
    from starlette.applications import Starlette  # noqa: PLC0415  see App

    from receiver.pages import page_routes  # noqa: PLC0415

    found = Starlette(routes=page_routes(road, stream))
    found.router.redirect_slashes = False
    return found


def _api(road: Road, stream: "Stream") -> ASGIApp:
    from receiver.api.routes import api_app  # noqa: PLC0415  see App

    return api_app(road, stream)


def _metrics(road: Road, stream: "Stream") -> ASGIApp:
    from receiver.api.metrics import metrics_app  # noqa: PLC0415  see App

    return metrics_app(road, stream)


ROOMS: dict[str, Callable[[Road, "Stream"], ASGIApp]] = {"": _pages, "api": _api, "metrics": _metrics}
"""What answers below /<name>; the pages for every other address."""


def refusal(error: errors.ProofhookError) -> Answer:
    """An error as an answer: `{"error": slug, "detail": sentence}`."""
    detail = NOTHING if isinstance(error, errors.UnknownEndpoint) else str(error)
    wait = error.retry_after if isinstance(error, errors.TryLater) else 0
    body = json.dumps({"error": error.slug, "detail": detail}).encode()
    return Answer(status_of(error), body, *error.about, verdict=error.slug, retry_after=wait)


def _wrong_method(method: str) -> Answer:
    said = {"error": "method_not_allowed", "detail": f"this address takes {method} only"}
    return Answer(405, json.dumps(said).encode(), verdict=said["error"])


async def _send(send: Send, answer: Answer, allow: str = "", *, head: bool = False) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer.body))]
    if answer.retry_after:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    if answer.status == 405:  # noqa: PLR2004
        headers.append((b"allow", allow.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


def _line(log: Any, door: str, scope: Scope, answer: Answer, began: float) -> None:
    """Our own access line: a server's would print the URL, and ours hold tokens.

    What was taken is in the ledger, and worth a line only to who debugs; what was refused is worth one always.
    """
    level = logging.DEBUG if answer.status < 300 else logging.INFO  # noqa: PLR2004
    if not log.is_enabled_for(level):
        return
    peer = scope.get("client")
    log.log(
        level,
        "delivery",
        door=door,
        status=answer.status,
        verdict=answer.verdict,
        provider=answer.provider,
        job=answer.job_id,
        peer=peer[0] if peer else None,
        ms=round((perf_counter() - began) * 1000, 1),
    )


def _path(scope: Scope) -> str:
    """The path below where this app is mounted (ASGI: `path` includes `root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
