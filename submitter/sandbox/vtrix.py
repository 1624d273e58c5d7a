"""Vtrix's generation API, after its page and its official command line's source. It has no callback: it is asked."""

import secrets
import string
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from submitter.sandbox.answers import Dropped, credential, read, refused, say
from submitter.sandbox.jobs import Job, State, verdict
from submitter.sandbox.picture import Picture
from submitter.sandbox.pictures import render
from submitter.sandbox.sending import Callback
from submitter.sandbox.sizes import pixels, ratio
from submitter.sandbox.world import World

COST = "0.04"
_ALPHABET = string.digits + string.ascii_lowercase[:22]
_IMAGE = Field(None, max_length=28 * 1024 * 1024)  # 20 MB in base64


class VtrixInput(BaseModel):
    model: Literal["flux_kontext_pro"]
    prompt: str
    input_image: str | None = _IMAGE
    input_image_2: str | None = _IMAGE
    input_image_3: str | None = _IMAGE
    input_image_4: str | None = _IMAGE
    seed: int | None = None
    aspect_ratio: str | None = None
    output_format: Literal["jpeg", "png"] = "jpeg"
    prompt_upsampling: bool = False
    safety_tolerance: int = Field(2, ge=1, le=6)

    @field_validator("aspect_ratio")
    @classmethod
    def _within(cls, value: str | None) -> str | None:
        if value is not None:
            ratio(value)
        return value


class Vtrix:
    name = "vtrix"

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/files/{rest:path}", self.file),
            Route("/model/v1/generation", self.submit, methods=["POST"]),
            Route("/model/v1/generation/task/{id}", self.ask, methods=["GET"]),
        ]

    async def file(self, request: Request) -> Response:
        return await self.world.files.serve(self.name, f"files/{request.path_params['rest']}")

    async def submit(self, request: Request) -> Response:
        if not credential(request, "Bearer"):
            return say({"message": "invalid or missing API key"}, 401)
        if closed := refused(self.world.faults):
            status, message, headers = closed
            return say({"message": message}, status, headers)
        try:
            given = VtrixInput.model_validate(_unwrapped(await read(request)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            return say({"message": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"}, 400)
        except ValueError as error:
            return say({"message": str(error)}, 400)
        name = "".join(secrets.choice(_ALPHABET) for _ in range(20))
        job = self.world.open_job(
            self.name, name, model=given.model, prompt=given.prompt, params=given, can=("cli_words",)
        )
        await self.world.begin(job, lambda: self._course(job))
        return Dropped() if "no_answer" in job.struck else say(self._standing(job))

    async def _course(self, job: Job[VtrixInput]) -> None:
        await self.world.queue(job)
        state, given = verdict(job.prompt), job.params
        if state is State.COMPLETED:
            seed = job.dice.getrandbits(32) if given.seed is None else given.seed
            picture = Picture(self.name, job.prompt, seed, *pixels(given.aspect_ratio), given.output_format)
            job.results = [await render(self.world, job, picture, path=f"files/{job.id}/{secrets.token_hex(8)}")]
        job.finish(state)

    async def ask(self, request: Request) -> Response:
        if not credential(request, "Bearer"):
            return say({"message": "invalid or missing API key"}, 401)
        job = self.world.find(self.name, request.path_params["id"])
        return say(self._standing(job)) if job else say({"message": "task not found"}, 404)

    def callbacks(self, _job: Job[Any]) -> list[Callback]:
        return []

    def _standing(self, job: Job[VtrixInput]) -> dict[str, Any]:
        """The task object, which is acknowledgement and answer alike."""
        cli = "cli_words" in job.struck
        body: dict[str, Any] = {
            "task_id" if cli else "id": job.id,
            "status": _status(job.state, cli=cli),
            "model": job.model,
            "created_at": int(job.created_at.timestamp()),
            "progress": {State.QUEUED: 0.0, State.RUNNING: 0.5}.get(job.state, 1.0),
        }
        if job.state is State.COMPLETED:
            content = [{"type": "image", "url": result.url} for result in job.results]
            return body | {"output": [{"content": content}], "usage": {"cost": COST, "discount": 1}, "metadata": {}}
        if job.state in {State.FAILED, State.MODERATED}:
            return body | {"error": _error(job.state, cli=cli)}
        return body


def _status(state: State, *, cli: bool) -> str:
    """The page's three words, or the four of the command line's manual."""
    if state is State.COMPLETED:
        return "completed"
    if state in {State.FAILED, State.MODERATED}:
        return "failed"
    if cli:
        return "pending" if state is State.QUEUED else "processing"
    return "in_progress"


def _error(state: State, *, cli: bool) -> dict[str, str] | str:
    """An object on the page, a plain string in the command line's reading."""
    if state is State.MODERATED:
        code, message = "content_moderated", "The content was moderated."
    else:
        code, message = "generation_failed", "The sandbox was asked to fail."
    return message if cli else {"code": code, "message": message}


def _unwrapped(body: Any) -> Any:
    """The parameters, from the wrapped form that the command line sends or the flat one that the page lists."""
    if not isinstance(body, dict) or "input" not in body:
        return body
    match body["input"]:
        case [{"params": dict(params)}]:
            return {**params, "model": body.get("model")}
        case _:
            raise ValueError('input must be a list with one {"params": {...}}')
