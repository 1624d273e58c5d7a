"""A sandbox and a receiver that only listens, wired to each other in process."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from submitter.sandbox.app import create_sandbox
from submitter.sandbox.faults import parse_faults
from submitter.sandbox.world import World

DEADLINE = 10.0
HOOK = "http://receiver.test/hooks/some-token"
UPLOAD = "http://receiver.test/uploads/some-token"
KEYS = {"fal": "Key k", "fireworks": "Bearer k", "runware": "Bearer k", "vtrix": "Bearer k"}
KONTEXT = "/fal/fal-ai/flux-pro/kontext"
FIREWORKS = "/fireworks/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro"
VTRIX = "/vtrix/model/v1/generation"


@dataclass
class Heard:
    """One request that reached the receiver."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Listener:
    """Answers each request with the next of `statuses`, then 200."""

    statuses: list[int] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._hear, methods=["POST", "PUT"])])

    async def _hear(self, request: Request) -> Response:
        headers = dict(request.headers)
        self.heard.append(Heard(request.method, request.url.path, headers, await request.body()))
        status = self.statuses.pop(0) if self.statuses else 200
        return Response(status_code=status, headers={"location": "/elsewhere"} if status // 100 == 3 else None)


@dataclass
class Stage:
    client: httpx.AsyncClient
    listener: Listener
    world: World

    async def idle(self) -> None:
        await asyncio.wait_for(self.world.idle(), DEADLINE)

    async def ask(self, method: str, url: str, *, key: str | None = "", **more: Any) -> httpx.Response:
        """A request with the provider's own credential (`key=None`: with none)."""
        provider = url.removeprefix("http://sandbox.test").split("/")[1]
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["authorization"] = key or KEYS[provider]
        return await self.client.request(method, url, headers=headers, **more)

    async def fal(self, *, hook: str | None = HOOK, **given: Any) -> httpx.Response:
        body = {"prompt": "a donut", "image_url": "https://example.test/in.png", **given}
        return await self.ask("POST", KONTEXT, params={"fal_webhook": hook} if hook else None, json=body)

    async def fireworks(self, **given: Any) -> httpx.Response:
        return await self.ask("POST", FIREWORKS, json={"prompt": "a donut", "webhook_url": HOOK, **given})

    async def runware(self, **given: Any) -> httpx.Response:
        return await self.ask("POST", "/runware/v1", json=[task(**given)])

    async def vtrix(self, **given: Any) -> httpx.Response:
        params = {"prompt": "a donut", **given}
        return await self.ask("POST", VTRIX, json={"model": "flux_kontext_pro", "input": [{"params": params}]})

    async def submit(self, provider: str, **given: Any) -> httpx.Response:
        answer: httpx.Response = await getattr(self, provider)(**given)
        return answer

    async def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.get("/_sandbox/jobs")).json()["jobs"]
        return found


def task(**given: Any) -> dict[str, Any]:
    """A Runware task that answers by callback; None takes a key away."""
    whole = {
        "taskType": "imageInference",
        "taskUUID": str(uuid.uuid4()),
        "model": "bfl:3@1",
        "positivePrompt": "a donut",
        "width": 64,
        "height": 48,
        "deliveryMethod": "async",
        "webhookURL": HOOK,
        **given,
    }
    return {key: value for key, value in whole.items() if value is not None}


@asynccontextmanager
async def staged(
    *faults: str,
    time_scale: float = 0.0005,
    statuses: list[int] | None = None,
    seed: int = 0,
    lifetimes: dict[str, float] | None = None,
) -> AsyncIterator[Stage]:
    """Faults as on the command line. Lifetimes are long unless given: the scale would cut them to nothing."""
    listener = Listener(list(statuses or []))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=listener.app())) as outbound:
        app = create_sandbox(
            "http://sandbox.test",
            time_scale=time_scale,
            faults=parse_faults(faults),
            seed=seed,
            outbound=outbound,
            lifetimes=lifetimes or dict.fromkeys(KEYS, 1e9),
        )
        world: World = app.state.world
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
            yield Stage(client, listener, world)
        await world.close()
