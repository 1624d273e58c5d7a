"""The sandbox: every provider on one address, our only stand-in for the internet.

It is its own reading of the providers' documents and imports nothing of the receiver, so that an error there
cannot agree with itself.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from submitter.sandbox.answers import say
from submitter.sandbox.fal import Fal
from submitter.sandbox.fireworks import Fireworks
from submitter.sandbox.jobs import Job
from submitter.sandbox.runware import Runware
from submitter.sandbox.sending import Callback, attempt
from submitter.sandbox.vtrix import Vtrix
from submitter.sandbox.world import World


class Provider(Protocol):
    name: str

    def routes(self) -> list[BaseRoute]: ...

    def callbacks(self, job: Job[Any], /) -> list[Callback]: ...


def create_sandbox(
    base_url: str,
    *,
    time_scale: float = 1.0,
    faults: Mapping[str, int] | None = None,
    seed: int = 0,
    outbound: httpx.AsyncClient | None = None,
    lifetimes: Mapping[str, float] | None = None,
) -> Starlette:
    """The app to serve under `base_url`. Its `state.world` has `idle()`, and `close()` for where no lifespan runs.

    `time_scale` multiplies queue delays, retry waits and lifetimes; `lifetimes` (seconds by provider) replaces those
    of `submitter.sandbox.files`. Raises ValueError for a fault that does not exist.
    """
    world = World(
        base_url, time_scale=time_scale, faults=faults, seed=seed, outbound=outbound, lifetimes=lifetimes or {}
    )
    providers: list[Provider] = [Fal(world), Fireworks(world), Runware(world), Vtrix(world)]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await world.close()

    mounts = [Mount(f"/{one.name}", app=Router(one.routes(), redirect_slashes=False)) for one in providers]
    app = Starlette(
        routes=[*_Watch(world, providers).routes(), *mounts],
        lifespan=lifespan,
        exception_handlers={HTTPException: _said},
    )
    app.router.redirect_slashes = False
    app.state.world = world
    return app


class _Watch:
    """What only a sandbox has: a look at every job, and a callback sent again on demand."""

    def __init__(self, world: World, providers: list[Provider]) -> None:
        self._world = world
        self._providers = {one.name: one for one in providers}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/_sandbox/jobs", self.jobs, methods=["GET"]),
            Route("/_sandbox/resend/{id}", self.resend, methods=["POST"]),
        ]

    async def jobs(self, _request: Request) -> Response:
        return say({"jobs": [job.as_json() for job in self._world.jobs.values()]})

    async def resend(self, request: Request) -> Response:
        """Send the callbacks of a finished job once more, freshly signed; faults do not touch them."""
        wanted = request.path_params["id"]
        job = next((job for job in self._world.jobs.values() if job.id == wanted), None)
        if job is None:
            return say({"detail": "no such job"}, 404)
        callbacks = self._providers[job.provider].callbacks(job) if job.finished else []
        if not callbacks:
            return say({"detail": "the job is not finished or has no callback"}, 409)
        statuses = [await attempt(self._world, job, callback, "resend") for callback in callbacks]
        return say({"id": job.id, "statuses": statuses})


async def _said(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return say({"detail": getattr(error, "detail", "error")}, status)
