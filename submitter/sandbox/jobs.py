"""What the sandbox knows of a job: in memory, and gone with the process."""

import asyncio
import enum
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from submitter.sandbox.picture import Picture

P = TypeVar("P")


class State(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    MODERATED = "moderated"
    CANCELLED = "cancelled"


FINISHED = frozenset({State.COMPLETED, State.FAILED, State.MODERATED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of ours to the receiver: `status` where it answered, `error` where it could not be reached."""

    kind: str
    status: int | None
    error: str | None = None
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "status": self.status, "error": self.error, "sent_at": self.sent_at.isoformat()}


@dataclass(frozen=True, slots=True)
class Result:
    """One finished picture. `key` is the provider's own id of it; without a `url` the bytes (`data`) travel inline."""

    key: str
    picture: Picture
    url: str | None
    data: bytes | None = field(default=None, repr=False)
    nsfw: bool = False


@dataclass(slots=True)
class Job(Generic[P]):
    """`id` is the provider's name for the job; `struck` the faults that this job drew."""

    provider: str
    id: str
    model: str
    prompt: str
    params: P
    dice: random.Random
    webhook: str | None = None
    struck: frozenset[str] = frozenset()
    delay: float = 0.3
    state: State = State.QUEUED
    results: list[Result] = field(default_factory=list)
    callbacks: list[Attempt] = field(default_factory=list)
    uploads: list[Attempt] = field(default_factory=list)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    questions: int = 0
    task: asyncio.Task[None] | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    def finish(self, state: State) -> None:
        self.state = state
        self.done.set()

    def as_json(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "id": self.id,
            "model": self.model,
            "status": self.state.value,
            "created_at": self.created_at.isoformat(),
            "faults": sorted(self.struck),
            "callbacks": [attempt.as_json() for attempt in self.callbacks],
            "uploads": [attempt.as_json() for attempt in self.uploads],
        }


def verdict(prompt: str) -> State:
    """How a prompt ends: `[fail]` and `[moderate]` steer it, as the special card numbers of payment sandboxes do."""
    if "[fail]" in prompt:
        return State.FAILED
    return State.MODERATED if "[moderate]" in prompt else State.COMPLETED
