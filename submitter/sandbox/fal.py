"""fal.ai's queue with FLUX.1 Kontext, after its model page, its webhook and queue pages and its Python client."""

import json
import re
import secrets
import uuid
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from submitter.sandbox.answers import Dropped, credential, read, refused, say, written
from submitter.sandbox.fal_callback import TIMEOUT, body, message, output, waits
from submitter.sandbox.fal_input import INPUTS, FalInput, RefusedInput, complaint, problem_of
from submitter.sandbox.jobs import Job, Result, State, verdict
from submitter.sandbox.pictures import render
from submitter.sandbox.sending import Callback, deliver
from submitter.sandbox.signing import FalKeys
from submitter.sandbox.world import World

_REQUEST = re.compile(r"(?P<app>[^/]+/[^/]+)(?:/[^/]+)*?/requests/(?P<id>[^/]+)(?:/(?P<verb>status|cancel))?")


class Fal:
    name = "fal"

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = FalKeys(world.seed)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/.well-known/jwks.json", self.key_set),
            Route("/files/{rest:path}", self.file),
            Route("/{path:path}", self.submit, methods=["POST"]),
            Route("/{path:path}", self.ask, methods=["GET"]),
            Route("/{path:path}", self.cancel, methods=["PUT"]),
        ]

    async def key_set(self, _request: Request) -> Response:
        return say(self.keys.jwks())

    async def file(self, request: Request) -> Response:
        return await self.world.files.serve(self.name, f"files/{request.path_params['rest']}")

    async def submit(self, request: Request) -> Response:
        model = request.path_params["path"]
        if (refusal := self._closed(request)) is not None:
            return refusal
        if closed := refused(self.world.faults):
            status, message, headers = closed
            return say({"detail": message}, status, headers)
        if model not in INPUTS:
            return say({"detail": f"Application '{model}' not found"}, 404)
        try:
            given = INPUTS[model].model_validate(await read(request))
        except ValidationError as error:
            if not self.world.faults.strikes("late_422"):
                return say({"detail": complaint(error)}, 422)
            given = RefusedInput.model_construct(prompt="", detail=complaint(error))
        except ValueError as error:
            return say({"detail": [{"loc": ["body"], "msg": str(error), "type": "json_invalid"}]}, 422)
        return await self._accepted(request, model, given)

    async def _accepted(self, request: Request, model: str, given: FalInput) -> Response:
        job = self.world.open_job(
            self.name,
            str(uuid.uuid4()),
            model=model,
            prompt=given.prompt,
            params=given,
            webhook=request.query_params.get("fal_webhook"),
            can=("payload_error",),
        )
        lifetime = _lifetime(request.headers.get("x-fal-object-lifecycle-preference"))
        await self.world.begin(job, lambda: self._course(job, lifetime))
        if "no_answer" in job.struck:
            return Dropped()
        return say({"status": "IN_QUEUE", "queue_position": 0, "gateway_request_id": job.id, **self._links(job)})

    async def _course(self, job: Job[FalInput], lifetime: float | None) -> None:
        await self.world.queue(job)
        state = State.FAILED if isinstance(job.params, RefusedInput) else verdict(job.prompt)
        if state is State.COMPLETED:
            job.results = [await self._made(job, index, lifetime) for index in range(job.params.num_images)]
        job.finish(state)
        for callback in self.callbacks(job):
            await deliver(self.world, job, callback)

    async def _made(self, job: Job[FalInput], index: int, lifetime: float | None) -> Result:
        given = job.params
        if given.seed is None:
            given.seed = job.dice.getrandbits(64)  # half of them beyond 63 bits, as captured ones are
        animal = job.dice.choice(("rabbit", "tiger", "panda", "zebra", "koala", "penguin"))
        return await render(
            self.world,
            job,
            given.picture(index),
            path=f"files/{animal}/{secrets.token_urlsafe(16)}_output",
            inline=given.sync_mode,
            lifetime=lifetime,
        )

    async def ask(self, request: Request) -> Response:
        """The status URL and the response URL."""
        found = _REQUEST.fullmatch(request.path_params["path"])
        if (refusal := self._closed(request)) is not None:
            return refusal
        job = self._named(found)
        if not found or job is None or found["verb"] == "cancel":
            return say({"detail": "Request not found"}, 404)
        if found["verb"] == "status":
            return self._status(job, with_logs=request.query_params.get("logs", "").lower() in {"1", "true"})
        if not job.finished:
            return say({"detail": "Request is still in progress"}, 400)
        if problem := problem_of(job):
            told = {"detail": problem.detail, "error_type": problem.type}
            return say(told, problem.status, {"X-Fal-Error-Type": problem.type})
        return say(output(job))

    def _status(self, job: Job[FalInput], *, with_logs: bool) -> Response:
        """202 until completed, as fal's queue answers. A failure is COMPLETED too, with `error` beside it."""
        links = self._links(job)
        if job.state is State.QUEUED:
            return say({"status": "IN_QUEUE", "queue_position": 0, **links}, 202)
        line = {"message": "drawing", "level": "INFO", "source": "USER", "timestamp": job.created_at.isoformat()}
        logs = [line] if with_logs else None
        if not job.finished:
            return say({"status": "IN_PROGRESS", "logs": logs, **links}, 202)
        problem = problem_of(job)
        failure = {"error": problem.error, "error_type": problem.type} if problem else {}
        metrics = {"inference_time": round(job.delay, 3)}
        return say({"status": "COMPLETED", "logs": logs, "metrics": metrics, **failure, **links})

    async def cancel(self, request: Request) -> Response:
        """A queued request is removed; a running one may still finish (fal's queue page)."""
        found = _REQUEST.fullmatch(request.path_params["path"])
        if (refusal := self._closed(request)) is not None:
            return refusal
        job = self._named(found)
        if not found or job is None or found["verb"] != "cancel":
            return say({"status": "NOT_FOUND"}, 404)
        if job.finished:
            return say({"status": "ALREADY_COMPLETED"}, 400)
        if job.state is State.QUEUED and job.task:
            job.finish(State.CANCELLED)
            job.task.cancel()
        return say({"status": "CANCELLATION_REQUESTED"}, 202)

    def callbacks(self, job: Job[Any]) -> list[Callback]:
        if not job.webhook:
            return []
        size = len(written(body(job)))
        return [
            Callback(
                url=job.webhook,
                compose=lambda twist: message(self.keys, job, twist),
                waits=lambda: waits(size),
                timeout=TIMEOUT,
                final=lambda status: 300 <= status < 400,  # noqa: PLR2004  "3xx is a permanent failure"
                can=("stale", "unsigned", "wrong_id"),
            )
        ]

    def _links(self, job: Job[Any]) -> dict[str, str]:
        """URLs without the model's sub-path, as fal's clients build them too."""
        root = f"{self.world.base_url}/fal/{'/'.join(job.model.split('/')[:2])}/requests/{job.id}"
        ends = {"response_url": root, "status_url": f"{root}/status", "cancel_url": f"{root}/cancel"}
        return {"request_id": job.id, **ends}

    def _named(self, found: re.Match[str] | None) -> Job[FalInput] | None:
        job = self.world.find(self.name, found["id"]) if found else None
        return job if found and job and job.model.startswith(f"{found['app']}/") else None

    @staticmethod
    def _closed(request: Request) -> Response | None:
        if credential(request, "Key"):
            return None
        detail = "Authentication is required to access this application."
        return say({"detail": detail}, 401)


def _lifetime(preference: str | None) -> float | None:
    """`X-Fal-Object-Lifecycle-Preference`: seconds, or null for ever; None where the header says nothing."""
    try:
        seconds = json.loads(preference or "{}")["expiration_duration_seconds"]
        return float("inf") if seconds is None else float(seconds)
    except (ValueError, KeyError, TypeError):
        return None
