"""Sends callbacks and uploads, and sends them again as each provider says it does."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from submitter.sandbox.jobs import Attempt, Job
from submitter.sandbox.world import World

_COPIES = (2, 3)
_TOKEN_LETTER = -4


@dataclass(frozen=True, slots=True)
class Twist:
    """What is wrong with one sending."""

    forged: bool = False
    stale: bool = False
    unsigned: bool = False
    wrong_id: bool = False


HONEST = Twist()


@dataclass(frozen=True, slots=True)
class Message:
    """`url` is set where a sending goes elsewhere than to the callback's own address."""

    headers: dict[str, str]
    body: bytes
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """One thing to tell the receiver. `compose` writes it afresh for each sending (new timestamp, new signature).

    `waits` yields the seconds before each sending, the first included; `final` says which statuses end it.
    """

    url: str
    compose: Callable[[Twist], Message]
    waits: Callable[[], Iterator[float]]
    timeout: float
    final: Callable[[int], bool]
    can: tuple[str, ...] = ()


def heard(status: int) -> bool:
    """2xx, which ends a delivery at every provider."""
    return 200 <= status < 300  # noqa: PLR2004  RFC 9110 §15.3


def guessed(url: str) -> str:
    """The URL with one letter of its token changed: what a forger who knows no secret would try."""
    at = len(url) + _TOKEN_LETTER
    return f"{url[:at]}{'A' if url[at] != 'A' else 'B'}{url[at + 1 :]}"


async def deliver(world: World, job: Job[Any], callback: Callback) -> None:
    """Bring one callback to the receiver, with whatever faults the job drew."""
    if "lost" in job.struck:
        return
    if "forged" in job.struck:
        await attempt(world, job, callback, "forged", Twist(forged=True))
    copies = job.dice.choice(_COPIES) if "duplicate" in job.struck else 1
    await asyncio.gather(
        *(_insist(world, job, callback, "duplicate" if copy else "callback") for copy in range(copies))
    )


async def _insist(world: World, job: Job[Any], callback: Callback, kind: str) -> None:
    for wait in callback.waits():
        await world.wait(wait)
        drawn = world.faults.drawn(callback.can)
        twist = Twist(stale="stale" in drawn, unsigned="unsigned" in drawn, wrong_id="wrong_id" in drawn)
        status = await attempt(world, job, callback, kind, twist)
        job.heard.set()
        if status is not None and (heard(status) or callback.final(status)):
            return


async def attempt(world: World, job: Job[Any], callback: Callback, kind: str, twist: Twist = HONEST) -> int | None:
    """One sending, written down with the job. None where the receiver could not be reached."""
    message = callback.compose(twist)
    url = message.url or callback.url
    headers = {"content-type": "application/json", **message.headers}
    status, error = await _sent(world, "POST", url, headers, message.body, callback.timeout)
    job.callbacks.append(Attempt(kind, status, error))
    return status


async def upload(
    world: World, job: Job[Any], url: str, *, data: bytes, media_type: str, waits: Iterator[float]
) -> None:
    """PUT the raw bytes until a 2xx, a 4xx or the end of the waits."""
    for wait in waits:
        await world.wait(wait)
        status, error = await _sent(world, "PUT", url, {"content-type": media_type}, data, 30.0)
        job.uploads.append(Attempt("upload", status, error))
        if status is not None and status < 500:  # noqa: PLR2004  RFC 9110 §15.6
            return


async def _sent(
    world: World, method: str, url: str, headers: dict[str, str], body: bytes, seconds: float
) -> tuple[int | None, str | None]:
    try:
        return await world.send(method, url, headers=headers, body=body, timeout=seconds), None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return None, f"{type(error).__name__}: {error}"
