import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.api import stream as stream_module
from receiver.api.stream import News, Stream
from receiver.app import App
from receiver.errors import LedgerBusy, TryLater
from receiver.ledger.now_reading import NowView
from receiver.pages.session import sign_in_link
from receiver.road import Road
from tests.receiver.api.backends import EVERYWHERE
from tests.receiver.pages.seeding import ADMIN, Clock, Seed
from tests.submitter.processes import eventually
from tests.submitter.processes import serving as serving_process
from tests.whole.stage import free_port, serving

PATIENCE = 20
TOKEN = {"authorization": f"Bearer {ADMIN}"}
PROMPT = 3.0
"""Seconds from the signal to the end, as in tests/crash/test_stopping.py: far less than the server's own patience."""


async def heard(events: AsyncIterator[bytes]) -> list[tuple[str, Any]]:
    """The next events: name and data."""
    async with asyncio.timeout(PATIENCE):
        said = (await anext(events)).decode()
    pairs = [dict(line.split(": ", 1) for line in each.split("\n")) for each in said.strip().split("\n\n")]
    return [(pair["event"], json.loads(pair["data"])) for pair in pairs if "event" in pair]


async def told(events: AsyncIterator[bytes], job_id: str, status: str) -> set[str]:
    """Until a job's move is told; the names of all events up to there."""
    names = set[str]()
    async with asyncio.timeout(PATIENCE):
        while True:
            said = await heard(events)
            names |= {name for name, _ in said}
            if ("job", {"id": job_id, "status": status}) in said:
                return names


@asynccontextmanager
async def listening(stream: Stream) -> AsyncIterator[AsyncIterator[bytes]]:
    """A listener that has been told what is true now."""
    async with aclosing(stream.listen()) as events:  # type: ignore[type-var]  # a generator, which can be closed
        assert await heard(events) == []
        [(name, now)] = await heard(events)
        assert (name, set(now) > {"delivered", "minutes", "latest"}) == ("now", True)
        yield events


@EVERYWHERE
async def test_what_moves_is_told(road: Road, seed: Seed) -> None:
    """First what is true now; then each job that moves, by whatever process, with what is true then."""
    job_id = await seed.opened()
    async with listening(Stream(road)) as events:
        await seed.came(job_id)
        assert "now" in await told(events, job_id, "succeeded")


async def test_who_watches_a_job_is_told_its_mark_first(road: Road, seed: Seed) -> None:
    """At once, also where the reader runs already and nothing moves: what happened before is not missed."""
    job_id, stream = await seed.opened(), Stream(road, beat=3600)
    heard_of: list[News] = []

    async def note(news: News) -> bytes:
        heard_of.append(news)
        return b": noted\n\n"

    async with listening(stream), aclosing(stream.listen(note, job_id)) as events, asyncio.timeout(PATIENCE):  # type: ignore[type-var]
        await anext(events)
        await anext(events)
    assert list(heard_of[0].marks) == [job_id]


async def test_one_reading_is_for_all(road: Road, seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty listeners cost the ledger as much as one, and nobody reads when the last has gone."""
    readings: list[datetime] = []
    look = road.ledger.now_view

    async def counted(now: datetime) -> NowView:
        readings.append(now)
        return await look(now)

    monkeypatch.setattr(road.ledger, "now_view", counted)
    stream = Stream(road)
    everyone = [stream.listen() for _ in range(20)]
    for events in everyone:
        assert await heard(events) == []
        assert [name for name, _ in await heard(events)] == ["now"]
    job_id = await seed.opened()
    for events in everyone:
        await told(events, job_id, "submitted")
    assert len(readings) < 6
    assert stream.listeners == 20
    for events in everyone:
        await events.aclose()  # type: ignore[attr-defined]
    assert stream.listeners == 0
    async with asyncio.timeout(PATIENCE):
        while road.ledger._news._ears:
            await asyncio.sleep(0)


async def test_silence_is_broken(road: Road) -> None:
    """A comment goes out when there is nothing to tell: proxies hang up on silence."""
    async with aclosing(Stream(road, beat=0.01).listen()) as events, asyncio.timeout(PATIENCE):  # type: ignore[type-var]
        while (await anext(events)) != b": nothing new\n\n":
            pass


async def test_too_many_are_sent_away(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is room for so many; who leaves makes room."""
    monkeypatch.setattr(stream_module, "MOST_LISTENERS", 1)
    stream = Stream(road)
    async with listening(stream):
        with pytest.raises(TryLater):
            stream.listen()
    async with listening(stream):
        assert stream.listeners == 1


async def test_who_does_not_keep_up_is_let_go(road: Road, seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a slow listener is bounded; it comes to its end, and comes again for what is true then."""
    monkeypatch.setattr(stream_module, "MOST_BEHIND", 1)
    monkeypatch.setattr(stream_module, "REST", 0.0)
    stream = Stream(road)
    async with listening(stream) as events:
        [mine] = stream._listeners
        async with asyncio.timeout(PATIENCE):
            while mine.qsize() == 0 or mine._queue[0] is not None:  # type: ignore[attr-defined]
                await seed.opened()
                await asyncio.sleep(0.01)
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_listeners_have_an_end(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is not good any more listens no longer than this."""
    monkeypatch.setattr(stream_module, "LONGEST", 0.0)
    events = Stream(road).listen()
    async with asyncio.timeout(PATIENCE):
        assert [said async for said in events] == [b"retry: 2000\n\n"]


async def test_the_end_of_the_process_ends_every_listener(road: Road) -> None:
    """They come to their end, and nobody is taken in any more."""
    stream = Stream(road)
    async with listening(stream) as events:
        stream.end()
        async with asyncio.timeout(PATIENCE):
            assert [said async for said in events] == []
        with pytest.raises(TryLater):
            stream.listen()


async def test_a_database_that_is_away_ends_nothing(road: Road, seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens goes on listening, and is told when the database is back."""
    look, away = road.ledger.now_view, asyncio.Event()

    async def sometimes(now: datetime) -> NowView:
        if not away.is_set():
            away.set()
            raise LedgerBusy("the database does not answer right now")
        return await look(now)

    monkeypatch.setattr(road.ledger, "now_view", sometimes)
    async with listening(Stream(road, beat=5.0)):
        assert away.is_set()


async def test_events_reach_programs_and_pages(road: Road, seed: Seed, clock: Clock) -> None:
    """Over a real connection, as they are told, and with what lets them through proxies; to pages with a session."""
    port = free_port()
    async with (
        serving(App(road), port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE) as client,
    ):
        await client.get(sign_in_link(road.settings, clock.now).removeprefix("http://pages"))
        for where, headers in (("/api/v1/events", TOKEN), ("/events", {})):
            async with client.stream("GET", where, headers=headers) as answer:
                assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
                assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
                lines = answer.aiter_lines()
                assert await anext(lines) == "retry: 2000"
                assert [line async for line in _until(lines, "event: now")]
        refused = await client.get("/api/v1/events")
        assert refused.status_code == 401


async def _until(lines: AsyncIterator[str], wanted: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line == wanted:
            return


def test_who_listens_delays_no_end(tmp_path: Path) -> None:
    """SIGTERM: listeners and those who wait are answered to their end, and the process is gone as soon as without."""
    with serving_process(tmp_path, "--only", "web", ADMIN_TOKEN=ADMIN) as here:
        eventually(here.ready, "readyz")
        where = f"http://127.0.0.1:{here.port}/api/v1/events"
        with httpx.stream("GET", where, headers=TOKEN, trust_env=False, timeout=PATIENCE) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 2000"
            began = time.monotonic()
            here.process.terminate()
            assert not [line for line in lines if line.startswith("event: error")]  # read to its end, not cut off
        assert here.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < PROMPT
