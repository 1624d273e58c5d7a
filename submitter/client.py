"""`Submitter`: the Python door. Send a job, wait for its pictures; nobody polls the provider."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from receiver import registry
from receiver.ledger.rules import FINAL
from receiver.ledger.views import JobView
from receiver.road import open_road
from receiver.settings import Settings, load
from receiver.wire.orders import Order
from submitter.calls import Caller
from submitter.intake import picture
from submitter.submit import Desk

REST = 0.05
"""Seconds between two looks at our own ledger at least, however much news there is."""
LOOK = 1.0
"""Seconds between two looks without any news."""


def open_desk(settings: Settings) -> Desk:
    """Open ledger, storage and an HTTP client. Raises Misconfigured."""
    return Desk(open_road(settings), Caller(int(settings.max_body_bytes)))


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was sent: its id, and how to wait for it."""

    id: str
    desk: Desk

    async def now(self) -> JobView:
        """The job as it stands, images with their `path` where the storage has files."""
        view = await self.desk.road.ledger.job(self.id)
        path = self.desk.road.storage.path
        return replace(view, images=tuple(replace(i, path=path(i.sha256) if i.sha256 else None) for i in view.images))

    async def wait(self, timeout: float | None = None) -> JobView:  # noqa: ASYNC109  a caller's bound, as in the contract
        """Until the job has come to an end: delivered, failed, expired, cancelled, or an image is a dead letter.

        Raises TimeoutError after `timeout` seconds; the job goes on, and can be waited for again.
        """
        async with asyncio.timeout(timeout), self.desk.road.ledger.listening(REST) as ear:
            while True:
                view = await self.now()
                if view.status in FINAL or view.stuck:
                    return view
                await ear.changed(LOOK)


class Submitter:
    """Sends jobs; to be used as an async context manager. Settings come from the environment unless given."""

    def __init__(self, settings: Settings | None = None, desk: Desk | None = None) -> None:
        """Raises Misconfigured."""
        self._desk = desk or open_desk(settings or load())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._desk.aclose()

    async def submit(
        self,
        provider: str,
        *,
        prompt: str | None = None,
        images: str | Path | Sequence[str | Path] = (),
        seed: int | None = None,
        aspect_ratio: str | None = None,
        output_format: str | None = None,
        n: int = 1,
        safety: int | None = None,
        upsample: bool | None = None,
        model: str | None = None,
        params: Mapping[str, Any] | None = None,
        upload: bool = False,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Send one job. The named options mean the same on every provider; `params` are the provider's own.

        Raises BadOrder (naming the parameter and what is allowed) and Misconfigured before anything is spent.
        """
        pictures = [images] if isinstance(images, str | Path) else images
        order = Order(
            prompt=prompt, images=tuple(map(picture, pictures)), seed=seed, aspect_ratio=aspect_ratio,
            output_format=output_format, count=n, safety=safety, upsample=upsample, model=model,
            upload=upload, extra=params or {},
        )  # fmt: skip
        job_id = await self._desk.submit(registry.named(provider), order, tags=tags, idempotency_key=idempotency_key)
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        """A job that was sent before, by this process or another."""
        return Job(job_id, self._desk)


def submit_sync(provider: str, *, timeout: float | None = None, **order: Any) -> JobView:
    """For scripts: send one job (as `Submitter.submit`) and wait until its pictures are here."""

    async def whole() -> JobView:
        async with Submitter() as submitter:
            job = await submitter.submit(provider, **order)
            return await job.wait(timeout)

    return asyncio.run(whole())
