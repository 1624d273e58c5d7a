"""Runware's task API with FLUX.1 Kontext, after its model page, its webhooks, polling and errors pages, and its SDK."""

import asyncio
import random
import uuid
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from submitter.sandbox.answers import Dropped, credential, read, refused, say, written
from submitter.sandbox.jobs import Job, Result, State, verdict
from submitter.sandbox.picture import Format, Picture, draw
from submitter.sandbox.pictures import render
from submitter.sandbox.runware_items import failed_item, failure, item, named, told_of
from submitter.sandbox.runware_task import RunwareTask, complaint, complaints
from submitter.sandbox.sending import Callback, Message, Twist, deliver, guessed, upload
from submitter.sandbox.world import World

TIMEOUT = 5.0
TRIES = 20
_UPLOAD_TRIES = 5
_FORMATS: dict[str, Format] = {"JPG": "jpeg", "PNG": "png", "WEBP": "webp"}
_FILES = "image/ws/2/ii"
_CAN = ("wrapped", "flat_error", "nested_error")
_CAN_UPLOAD = ("put_late", "put_never")


def waits(dice: random.Random, tries: int = TRIES) -> Iterator[float]:
    """250 ms doubling to 8 s, with jitter (Runware's skills repository); how often no page says."""
    yield 0.0
    for number in range(tries - 1):
        yield min(0.25 * 2**number, 8.0) * dice.uniform(0.8, 1.2)


class Runware:
    name = "runware"

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"/{_FILES}/{{rest:path}}", self.file),
            Route("/v1", self.tasks, methods=["POST"]),
        ]

    async def file(self, request: Request) -> Response:
        return await self.world.files.serve(self.name, f"{_FILES}/{request.path_params['rest']}")

    async def tasks(self, request: Request) -> Response:
        """The one door: an array of tasks, some of which may succeed while others are refused."""
        try:
            tasks = await read(request)
        except ValueError as error:
            return _refusal(400, "invalidJson", str(error))
        if not isinstance(tasks, list) or not tasks:
            return _refusal(400, "invalidRequest", "The body must be a JSON array of tasks")
        if _is(tasks[0], "authentication"):
            opener, *tasks = tasks
        else:
            opener = {}
        if not credential(request, "Bearer") and not opener.get("apiKey"):
            return _refusal(401, "invalidApiKey", "Invalid or missing API key", parameter="apiKey")
        if any(_is(task, "imageInference") for task in tasks) and (closed := refused(self.world.faults)):
            status, message, headers = closed
            return _refusal(status, "serviceUnavailable", message, headers=headers)
        return await self._answered(tasks)

    async def _answered(self, tasks: list[Any]) -> Response:
        found = await asyncio.gather(*(self._one(task) for task in tasks))
        if any(isinstance(part, Dropped) for part in found):
            return Dropped()
        parts = [part for part in found if isinstance(part, tuple)]
        data = [one for part in parts for one in part[0]]
        errors = [one for part in parts for one in part[1]]
        asked = any(_is(task, "getResponse") for task in tasks)
        body = ({"data": data} if data or asked or not errors else {}) | ({"errors": errors} if errors else {})
        return say(body, 400 if errors and not data and not asked else 200)

    async def _one(self, task: Any) -> tuple[list[Any], list[Any]] | Dropped:
        """What one task adds to `data` and to `errors`."""
        if _is(task, "getResponse"):
            return self._standing(task)
        if not _is(task, "imageInference"):
            return [], [complaint("invalidTaskType", "Unsupported task type", task=task, parameter="taskType")]
        try:
            given = RunwareTask.model_validate(task)
        except ValidationError as error:
            return [], complaints(error, task)
        if self.world.find(self.name, given.task_uuid):
            message = "taskUUID must be unique per task"
            return [], [complaint("duplicateTaskUUID", message, task=task, parameter="taskUUID")]
        return await self._accepted(given)

    async def _accepted(self, given: RunwareTask) -> tuple[list[Any], list[Any]] | Dropped:
        job = self.world.open_job(
            self.name,
            given.task_uuid,
            model=given.model,
            prompt=given.positive_prompt,
            params=given,
            webhook=given.webhook_url,
            can=((*_CAN,) if given.webhook_url else ()) + (_CAN_UPLOAD if given.upload_endpoint else ()),
        )
        await self.world.begin(job, lambda: self._course(job))
        if given.waits:
            await job.done.wait()
        if "no_answer" in job.struck:
            return Dropped()
        if not given.waits:
            return [named(job)], []
        failed = failure(job)
        return ([], [failed]) if failed else ([item(job, result) for result in job.results], [])

    async def _course(self, job: Job[RunwareTask]) -> None:
        await self.world.queue(job)
        state = verdict(job.prompt)
        handing: list[asyncio.Task[None]] = []
        for index in range(job.params.number_results if state is State.COMPLETED else 0):
            await self.world.wait(0.05 if index else 0)
            job.results.append(await self._made(job, index))
            if "reorder" not in job.struck:
                handing.append(self.world.spawn(self._handed_over(job, job.results[-1])))
        job.finish(state)
        if "reorder" in job.struck or state is not State.COMPLETED:
            last_first: list[Result | None] = [*reversed(job.results)]
            for result in last_first or [None]:
                await self._handed_over(job, result)
        await asyncio.gather(*handing)

    async def _made(self, job: Job[RunwareTask], index: int) -> Result:
        given, key = job.params, str(uuid.uuid4())
        if given.seed is None:
            given.seed = job.dice.getrandbits(32)  # "in the unsigned 32-bit range"
        picture = Picture(
            provider=self.name,
            prompt=job.prompt,
            seed=given.seed + index,
            width=given.width,
            height=given.height,
            format=_FORMATS[given.output_format],
            index=index,
            count=given.number_results,
            quality=given.output_quality,
        )
        inline, lifetime = given.output_type != "URL", float(given.ttl) if given.ttl else None
        return await render(self.world, job, picture, path=f"{_FILES}/{key}", key=key, inline=inline, lifetime=lifetime)

    async def _handed_over(self, job: Job[RunwareTask], result: Result | None) -> None:
        """PUT, then call: their order is not documented, so a fault turns it round."""
        if result and not job.struck & {"put_late", "put_never"}:
            await self._put(job, result)
        if job.webhook:
            await deliver(self.world, job, self._callback(job, job.webhook, result))
        if result and "put_late" in job.struck and "put_never" not in job.struck:
            await self._put(job, result)

    async def _put(self, job: Job[RunwareTask], result: Result) -> None:
        if url := job.params.upload_endpoint:
            data = result.data
            if data is None:
                data = await asyncio.to_thread(draw, result.picture)
            again = waits(job.dice, _UPLOAD_TRIES)
            await upload(self.world, job, url, data=data, media_type=result.picture.media_type, waits=again)

    def callbacks(self, job: Job[Any]) -> list[Callback]:
        """One for each result, or one for the failure."""
        results: list[Result | None] = [*job.results] or [None]
        return [self._callback(job, job.webhook, result) for result in results] if job.webhook else []

    def _callback(self, job: Job[RunwareTask], url: str, result: Result | None) -> Callback:
        def compose(twist: Twist) -> Message:
            task_uuid = str(uuid.uuid4()) if twist.wrong_id else job.id
            told = told_of(job, result, task_uuid) if result else failed_item(job, task_uuid)
            return Message({}, written(told), guessed(url) if twist.forged else None)

        return Callback(url, compose, lambda: waits(job.dice), TIMEOUT, lambda _status: False, ("wrong_id",))

    def _standing(self, task: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """`getResponse`: one item for each generation, finished or not."""
        name = task.get("taskUUID")
        job: Job[RunwareTask] | None = self.world.find(self.name, name) if isinstance(name, str) else None
        if job is None:
            return [], [complaint("taskNotFound", "No task with this taskUUID", task=task, parameter="taskUUID")]
        if failed := failure(job):
            return [], [failed | {"status": "error"}]
        ready = [item(job, result) | {"status": "success"} for result in job.results]
        missing = job.params.number_results - len(ready)
        return ready + [named(job) | {"status": "processing"} for _ in range(missing)], []


def _is(task: Any, kind: str) -> bool:
    return isinstance(task, dict) and task.get("taskType") == kind


def _refusal(
    status: int, code: str, message: str, *, parameter: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    task = {"taskType": "authentication"} if parameter else None
    return say({"errors": [complaint(code, message, task=task, parameter=parameter)]}, status, headers)
