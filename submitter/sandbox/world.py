"""What the sandbox's providers share: jobs, files, faults, dice, one client out, and the tasks that run behind."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

import httpx

from submitter.sandbox.faults import Faults
from submitter.sandbox.files import Files
from submitter.sandbox.jobs import Job, State

P = TypeVar("P")
log = logging.getLogger("proofhook.sandbox")

QUEUE_DELAY = 0.3
SLOW = 10
_OF_CALLBACKS = ("early", "reorder", "duplicate", "lost", "forged", "null_payload")


class World:
    """One sandbox. Needs no lifespan: tasks start when they are needed and end with `close`."""

    def __init__(
        self,
        base_url: str,
        *,
        time_scale: float,
        faults: Mapping[str, int] | None,
        seed: int,
        outbound: httpx.AsyncClient | None,
        lifetimes: Mapping[str, float],
    ) -> None:
        if time_scale <= 0:
            raise ValueError(f"time_scale must be above 0, not {time_scale}")
        self.base_url = base_url.rstrip("/")
        self.time_scale = time_scale
        self.seed = seed
        self.faults = Faults(faults)
        self.files = Files(self, lifetimes)
        self.jobs: dict[tuple[str, str], Job[Any]] = {}
        self._given = outbound
        self._own: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open_job(
        self,
        provider: str,
        request_id: str,
        *,
        model: str,
        prompt: str,
        params: P,
        webhook: str | None = None,
        can: Iterable[str] = (),
    ) -> Job[P]:
        """A new job, with the faults it draws: those its provider `can` have, and those of callbacks if it has one."""
        dice = random.Random(f"{self.seed}:{provider}:{len(self.jobs)}")  # noqa: S311  jitter and seeds, not secrets
        struck = self.faults.drawn((*can, "no_answer", *(_OF_CALLBACKS if webhook else ())))
        delay = QUEUE_DELAY * dice.uniform(0.7, 1.3) * (SLOW if "[slow]" in prompt else 1)
        job = Job(provider, request_id, model, prompt, params, dice, webhook, struck, delay)
        self.jobs[provider, request_id] = job
        return job

    def find(self, provider: str, request_id: str) -> Job[Any] | None:
        return self.jobs.get((provider, request_id))

    async def begin(self, job: Job[Any], course: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start the job's course; with the fault `early`, come back only when its callback has been sent."""
        job.task = self.spawn(self._run(job, course))
        if job.struck & {"early", "reorder"}:
            await job.heard.wait()

    async def _run(self, job: Job[Any], course: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await course()
        finally:
            job.done.set()
            job.heard.set()

    async def queue(self, job: Job[Any]) -> None:
        """Wait in the queue, then wait for the model."""
        await self.wait(job.delay / 3)
        job.state = State.RUNNING
        await self.wait(job.delay * 2 / 3)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.time_scale)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("sandbox task failed: %r", error, exc_info=error)

    async def idle(self) -> None:
        """Come back when nothing runs behind: every job finished, every callback delivered or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeout: float) -> int:  # noqa: ASYNC109  httpx's timeout
        """Send a request out and answer its status. A client given from outside keeps its own timeout."""
        if self._given:
            return (await self._given.request(method, url, headers=headers, content=body)).status_code
        self._own = self._own or httpx.AsyncClient(trust_env=False, follow_redirects=False)
        return (await self._own.request(method, url, headers=headers, content=body, timeout=timeout)).status_code

    async def close(self) -> None:
        """Cancel what runs and close the client that is ours."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._own:
            await self._own.aclose()
            self._own = None
