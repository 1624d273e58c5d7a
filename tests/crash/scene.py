"""What every test here starts from: a plant, everything that is not us, and the providers' side."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import httpx

from receiver.app import create_app
from receiver.road import Road, open_road
from tests import sqlite
from tests.crash.elsewhere import Elsewhere, elsewhere
from tests.crash.plant import Plant, Process
from tests.crash.tally import Tally, count, rows, unfinished
from tests.crash.traffic import Sending, Traffic

SETTLING = 120.0
"""Seconds in which every job must be delivered once nothing is wrong any more."""


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> bool:
    """Whether it came to hold in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if await holds():
            return True
        await asyncio.sleep(0.02)
    return False


@dataclass(slots=True)
class Scene:
    plant: Plant
    there: Elsewhere
    road: Road
    client: httpx.AsyncClient
    traffic: Traffic

    def web(self, *wraps: str) -> Process:
        """A web process, to which all traffic goes from here on."""
        process = self.plant.start("web", wraps=wraps)
        self.traffic.origins[:] = [process.origin]
        return process

    async def up(self, *processes: Process) -> None:
        for process in processes:
            assert await until(partial(self._alive, process)), process.said()

    async def _alive(self, process: Process) -> bool:
        assert process.popen.poll() is None, process.said()
        try:
            return (await self.client.get(f"{process.origin}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def refuses(self, process: Process) -> None:
        """Until it takes no new connection."""

        async def refused() -> bool:
            try:
                (await asyncio.open_connection("127.0.0.1", process.port))[1].close()
            except OSError:
                return True
            return False

        assert await until(refused), "it still accepts"

    async def ended(self, *processes: Process, seconds: float = 10) -> list[int | None]:
        """Their exit statuses; None for one that did not end in time."""
        await until(lambda: asyncio.sleep(0, all(each.popen.poll() is not None for each in processes)), seconds)
        return [each.popen.returncode for each in processes]

    async def once(self, sending: Sending) -> httpx.Response:
        """Send it once, and whatever is said is the answer."""
        origin = self.traffic.origins[0]
        return await self.client.request(
            sending.method, origin + sending.path, content=sending.body, headers=sending.headers()
        )

    async def arrive(self, sendings: list[Sending]) -> None:
        """Record what a provider sends, in this process."""
        transport = httpx.ASGITransport(create_app(road=self.road))
        async with httpx.AsyncClient(transport=transport, base_url="http://in.process") as client:
            for each in sendings:
                answer = await client.request(each.method, each.path, content=each.body, headers=each.headers())
                assert answer.is_success, answer.text

    async def delivered(self, seconds: float = 20) -> bool:
        """Whether every job comes to its end in time."""
        return await until(lambda: asyncio.to_thread(lambda: not unfinished(self.plant.database_url)), seconds)

    def count(self) -> Tally:
        return count(self.plant.database_url, self.plant.folder / "images", self.traffic)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return rows(self.plant.database_url, query)


@asynccontextmanager
async def scene(folder: Path, database_url: str | None = None, seed: int = 1) -> AsyncIterator[Scene]:
    """A place of its own; no process of it is left."""
    url = database_url or sqlite.ready(folder / "ledger.db")
    async with elsewhere() as there, httpx.AsyncClient(trust_env=False, timeout=15) as client:
        dice = random.Random(seed)  # noqa: S311  kills are to be the same again
        plant = Plant(folder, url, there.origin)
        road = open_road(plant.settings())
        try:
            yield Scene(plant, there, road, client, Traffic(road, there, [], dice, client))
        finally:
            plant.stop()
            await road.aclose()


class Slowly:
    """A request whose body comes in two halves."""

    def __init__(self, process: Process, sending: Sending) -> None:
        self._process = process
        self._sending = sending

    async def __aenter__(self) -> Self:
        """The first half is there."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._process.port)
        body, headers = self._sending.body, self._sending.headers()
        head = [f"{self._sending.method} {self._sending.path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*head, "", ""]).encode() + body[: len(body) // 2])
        await self._writer.drain()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def rest(self) -> int:
        """Send the other half; the status of the answer."""
        self._writer.write(self._sending.body[len(self._sending.body) // 2 :])
        return await self.status()

    async def status(self) -> int:
        """0 where the connection ends without an answer."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0
