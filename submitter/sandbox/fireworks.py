"""Fireworks AI's FLUX.1 Kontext workflow, after its page.

Its callback, which no page describes, is that of the model's makers, Black Forest Labs, whose parameters it shares.
"""

import secrets
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from submitter.sandbox.answers import Dropped, credential, read, refused, say, written
from submitter.sandbox.jobs import Job, State, verdict
from submitter.sandbox.picture import Picture
from submitter.sandbox.pictures import render
from submitter.sandbox.sending import Callback, Message, Twist, deliver, guessed
from submitter.sandbox.signing import bfl_headers
from submitter.sandbox.sizes import pixels, ratio
from submitter.sandbox.world import World

MODELS = ("flux-kontext-pro", "flux-kontext-max")
RETRY_WAITS = (1.0, 5.0, 30.0)
TIMEOUT = 30.0
_STALE = 3600
_EARLY_QUESTIONS = 2
_LIMIT_WITH_IMAGE = 2


class FireworksInput(BaseModel):
    prompt: str
    input_image: str | None = None
    seed: int | None = None
    aspect_ratio: str | None = None
    output_format: Literal["jpeg", "png"] = "png"
    webhook_url: str | None = Field(None, min_length=1, max_length=2083)
    webhook_secret: str | None = None
    prompt_upsampling: bool = False
    safety_tolerance: int = Field(2, ge=0, le=6)

    @field_validator("aspect_ratio")
    @classmethod
    def _within(cls, value: str | None) -> str | None:
        if value is not None:
            ratio(value)
        return value

    @model_validator(mode="after")
    def _strict_with_images(self) -> "FireworksInput":
        if self.input_image and self.safety_tolerance > _LIMIT_WITH_IMAGE:
            raise ValueError("safety_tolerance has a limit of 2 for image to image")
        return self


class Fireworks:
    name = "fireworks"

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[BaseRoute]:
        root = "/inference/v1/workflows/accounts/fireworks/models/{model}"
        return [
            Route("/files/{rest:path}", self.file),
            Route(f"{root}/get_result", self.ask, methods=["POST"]),
            Route(root, self.submit, methods=["POST"]),
        ]

    async def file(self, request: Request) -> Response:
        return await self.world.files.serve(self.name, f"files/{request.path_params['rest']}")

    async def submit(self, request: Request) -> Response:
        if (refusal := _closed(request)) is not None:
            return refusal
        if closed := refused(self.world.faults):
            status, message, headers = closed
            return say({"error_message": message}, status, headers)
        try:
            given = FireworksInput.model_validate(await read(request))
        except ValidationError as error:
            return _wrong(error)
        except ValueError as error:
            return say({"error_message": f"invalid JSON: {error}"}, 400)
        job = self.world.open_job(
            self.name,
            str(uuid.uuid4()),
            model=request.path_params["model"],
            prompt=given.prompt,
            params=given,
            webhook=given.webhook_url,
            can=("not_found_first",),
        )
        await self.world.begin(job, lambda: self._course(job))
        return Dropped() if "no_answer" in job.struck else say({"request_id": job.id})

    async def _course(self, job: Job[FireworksInput]) -> None:
        await self.world.queue(job)
        state, given = verdict(job.prompt), job.params
        if state is State.COMPLETED:
            given.seed = job.dice.getrandbits(32) if given.seed is None else given.seed
            picture = Picture(self.name, job.prompt, given.seed, *pixels(given.aspect_ratio), given.output_format)
            job.results = [await render(self.world, job, picture, path=f"files/{secrets.token_urlsafe(16)}/sample")]
        job.finish(state)
        for callback in self.callbacks(job):
            await deliver(self.world, job, callback)

    async def ask(self, request: Request) -> Response:
        """`get_result`: POST, as every sample of the page does, though its heading says GET."""
        if (refusal := _closed(request)) is not None:
            return refusal
        try:
            asked = await read(request)
            request_id = asked["id"]
        except (ValueError, TypeError, KeyError):
            return say({"error_message": "id is required"}, 400)
        job = self.world.find(self.name, request_id) if isinstance(request_id, str) else None
        if job:
            job.questions += 1
        if job is None or ("not_found_first" in job.struck and job.questions <= _EARLY_QUESTIONS):
            return say(_status(request_id, "Task not found"))
        return say(self._standing(job))

    def _standing(self, job: Job[FireworksInput]) -> dict[str, Any]:
        match job.state:
            case State.COMPLETED:
                return _status(job.id, "Ready", result=self._result(job), progress=1.0)
            case State.MODERATED:
                return _status(job.id, "Content Moderated", details={"Moderation Reasons": ["Derivative Works Filter"]})
            case State.FAILED:
                return _status(job.id, "Error", details={"message": "the sandbox was asked to fail"})
            case _:
                return _status(job.id, "Pending", progress=0.0 if job.state is State.QUEUED else 0.5)

    def callbacks(self, job: Job[Any]) -> list[Callback]:
        if not job.webhook:
            return []
        return [
            Callback(
                url=job.webhook,
                compose=lambda twist: self._message(job, twist),
                waits=waits,
                timeout=TIMEOUT,
                final=lambda _status: False,
                can=("stale", "unsigned", "wrong_id"),
            )
        ]

    def _message(self, job: Job[FireworksInput], twist: Twist) -> Message:
        body = self._body(job, time.time() - (_STALE if twist.stale else 0))
        if twist.wrong_id:
            body["id"] = str(uuid.uuid4())
        raw, secret = written(body), job.params.webhook_secret
        if not secret or twist.unsigned:
            return Message({}, raw, guessed(job.webhook or "") if twist.forged else None)
        return Message(dict(bfl_headers(raw, secrets.token_hex(16) if twist.forged else secret)), raw)

    def _body(self, job: Job[FireworksInput], at: float) -> dict[str, Any]:
        timestamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
        if job.state is State.COMPLETED:
            result = None if "null_payload" in job.struck else self._result(job)
            return {"id": job.id, "status": "Ready", "result": result, "timestamp": timestamp}
        moderated = job.state is State.MODERATED
        return {
            "id": job.id,
            "status": "Content Moderated" if moderated else "Error",
            "error": "content_policy_violation" if moderated else "generation_failed",
            "message": "The content was moderated." if moderated else "The sandbox was asked to fail.",
            "timestamp": timestamp,
        }

    @staticmethod
    def _result(job: Job[FireworksInput]) -> dict[str, Any]:
        return {"sample": job.results[0].url, "prompt": job.prompt, "seed": job.params.seed}


def waits() -> Iterator[float]:
    yield 0.0
    yield from RETRY_WAITS


def _status(
    request_id: Any, status: str, *, result: Any = None, progress: float | None = None, details: Any = None
) -> dict[str, Any]:
    return {"id": request_id, "status": status, "result": result, "progress": progress, "details": details}


def _wrong(error: ValidationError) -> Response:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return say({"error_message": f"{where}: {first['msg']}" if where else first["msg"]}, 400)


def _closed(request: Request) -> Response | None:
    if not credential(request, "Bearer"):
        return say({"error_message": "missing or invalid API key"}, 401)
    if request.path_params["model"] not in MODELS:
        return say({"error_message": f"model not found: {request.path_params['model']}"}, 404)
    return None
