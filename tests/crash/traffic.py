"""The providers' side: jobs that stand, and their callbacks and uploads, sent again until they are acknowledged."""

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from receiver import registry
from receiver.ledger.jobs import Opening
from receiver.outgoing import endpoints
from receiver.road import Road
from receiver.wire.orders import Acknowledged, Endpoints, Prepared
from tests.crash.elsewhere import SEED, Elsewhere, large, named, picture
from tests.samples import make

AGAIN = 0.1
"""Seconds until a callback that was not acknowledged is sent again."""
MOST = 120.0
"""Seconds after which a sender gives up, which no provider and no test should see."""
SPILLED = 70_000
"""Bytes of a body that is kept in the storage, and not in its row."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One request of a provider's: `headers` are made anew each time, as a signature has a time in it."""

    job_id: str
    method: str
    path: str
    body: bytes
    headers: Callable[[], dict[str, str]]
    good: tuple[int, ...] = (200,)


@dataclass(slots=True)
class Traffic:
    """`expected` maps each job to the hashes of its pictures; `acknowledged` counts (job, hash of the body).

    `announced` counts the pictures that are to be downloaded."""

    road: Road
    there: Elsewhere
    origins: list[str]
    dice: random.Random
    client: httpx.AsyncClient
    expected: dict[str, set[str]] = field(default_factory=dict)
    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)
    acks: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    announced: int = 0
    refused: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1 << 24)))

    async def job(self) -> None:
        """One job from its row to the last of its callbacks; one in ten is sent again though it was acknowledged."""
        make_one = self.dice.choices([self.fal, self.fireworks, self.runware, self.upload, self.asked], [3, 2, 2, 2, 2])
        for sending in await make_one[0]():
            await self.send(sending)
            if self.dice.random() < 0.1:
                await self.send(sending)

    async def send(self, sending: Sending) -> None:
        """To any of the web processes, again and again, until one says that it has it."""
        async with asyncio.timeout(MOST):
            while True:
                origin = self.dice.choice(self.origins)
                self.sent += 1
                try:
                    answer = await self.client.request(
                        sending.method, origin + sending.path, content=sending.body, headers=sending.headers()
                    )
                except httpx.HTTPError:
                    await asyncio.sleep(AGAIN)
                    continue
                if answer.status_code in {200, *sending.good}:
                    self.acks[origin] += 1
                    self.acknowledged[sending.job_id, named(sending.body)] += 1
                    return
                if answer.status_code != 503:
                    self.refused.append(f"{sending.path} {answer.status_code} {answer.text}")
                    return
                await asyncio.sleep(AGAIN)

    async def fal(self) -> list[Sending]:
        job_id, given, request_id = await self._open("fal", 2)
        one, two = self._pictures(job_id, 2)
        images = [{"url": self.there.url(one)}, {"url": self.there.url(two)}]
        padding = "x" * (SPILLED if self.dice.random() < 0.1 else 0)
        said = {"request_id": request_id, "status": "OK", "payload": {"images": images, "pad": padding}, "error": None}
        body = json.dumps(said).encode()

        def headers() -> dict[str, str]:
            recipe = {"seed": SEED, "request_id": request_id, "user_id": "u", "timestamp": str(int(time.time()))}
            return dict(make.fal_ed25519(body, recipe))

        return [Sending(job_id, "POST", _path(given.hook), body, headers)]

    async def fireworks(self) -> list[Sending]:
        job_id, given, request_id = await self._open("fireworks", 1)
        (one,) = self._pictures(job_id, 1)
        said = {"id": request_id, "status": "Ready", "result": {"sample": self.there.url(one)}}
        body = json.dumps(said).encode()
        recipe = {"secret": given.secret, "header": "X-BFL-Signature", "prefix": "sha256="}
        return [Sending(job_id, "POST", _path(given.hook), body, lambda: dict(make.hmac_sha256(body, recipe)))]

    async def runware(self) -> list[Sending]:
        job_id, given, _ = await self._open("runware", 2)
        said = [
            {"taskType": "imageInference", "taskUUID": job_id, "imageUUID": str(uuid.uuid4()), "imageURL": url}
            for url in map(self.there.url, self._pictures(job_id, 2))
        ]
        return [Sending(job_id, "POST", _path(given.hook), json.dumps(each).encode(), dict) for each in said]

    async def upload(self) -> list[Sending]:
        job_id, given, _ = await self._open("runware", 1, upload=True)
        body = large(next(self.numbers))
        self.expected[job_id] = {named(body)}
        return [Sending(job_id, "PUT", _path(given.uploads[0]), body, dict, good=(201,))]

    async def asked(self) -> list[Sending]:
        """A job whose callback is lost: the reconciler asks."""
        job_id, _, request_id = await self._open("fireworks", 1)
        (self.there.results[request_id],) = self._pictures(job_id, 1)
        await self.road.ledger.retried(job_id, self.road.clock())
        return []

    def _pictures(self, job_id: str, count: int) -> list[int]:
        self.announced += count
        numbers = [next(self.numbers) for _ in range(count)]
        self.expected[job_id] = {named(picture(number)) for number in numbers}
        return numbers

    async def _open(self, provider: str, expected: int, *, upload: bool = False) -> tuple[str, Endpoints, str]:
        """The row stands and is acknowledged, as after a submitter's work."""
        job_id, now = str(uuid.uuid4()), self.road.clock()
        later = now + timedelta(hours=1)
        opening = Opening(
            id=job_id, provider=provider, model="m", order={}, order_digest="d", params={}, expected=expected,
            upload=upload, created_at=now, deadline_at=later, ask_at=later,
        )  # fmt: skip
        request_id = job_id if provider == "runware" else str(uuid.uuid4())
        await self.road.ledger.opened(opening)
        await self.road.ledger.noted(job_id, Acknowledged(request_id), now)
        prepared = Prepared("m", {}, expected, upload=upload)
        return job_id, endpoints(self.road.settings, registry.provider(provider), job_id, prepared), request_id


def _path(url: str) -> str:
    return httpx.URL(url).path
