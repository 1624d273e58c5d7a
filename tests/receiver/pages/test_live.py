"""Events: an open page is told what it would show if it were loaded anew."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from receiver.api import stream
from receiver.api.stream import Stream
from receiver.audit.seal import open_sealer
from receiver.errors import LedgerBusy
from receiver.ledger.ledger import Ledger
from receiver.pages import live
from receiver.pages.gate import Lobby
from receiver.pages.render import Painter
from receiver.pages.session import Session
from receiver.pages.throttle import Throttle
from receiver.road import Road
from tests.receiver.pages.seeding import Clock, Seed


class Line:
    """An open line as a browser has it."""

    def __init__(self, road: Road, job_id: str = "") -> None:
        self.lobby = Lobby(road, Painter(road), Throttle(), Stream(road))
        self._query = f"job={job_id}".encode() if job_id else b""
        self._events: AsyncIterator[bytes] | None = None

    async def next(self, name: str) -> dict[str, Any]:
        """The data of the next event of that name."""
        if self._events is None:
            scope: dict[str, Any] = {
                "type": "http",
                "method": "GET",
                "path": "/below/events",
                "root_path": "/below",
                "headers": [],
                "query_string": self._query,
            }
            answer = await live.events(self.lobby, Request(scope), Session("nonce", may_act=False))
            assert isinstance(answer, StreamingResponse)
            assert answer.media_type == "text/event-stream"
            self._events = answer.body_iterator  # type: ignore[assignment]  # bytes, as we send them
        async with asyncio.timeout(20):
            async for said in self._events:  # type: ignore[union-attr]
                for event in said.decode().split("\n\n"):
                    if event.startswith(f"event: {name}\ndata: "):
                        found: dict[str, Any] = json.loads(event.partition("data: ")[2])
                        return found
        raise AssertionError("the line ended")

    async def aclose(self) -> None:
        if self._events is not None:
            await self._events.aclose()  # type: ignore[attr-defined]  # a generator


@pytest.fixture
async def line(road: Road) -> AsyncIterator[Line]:
    line = Line(road)
    yield line
    await line.aclose()


async def test_a_change_is_told_as_the_page_would_show_it(line: Line, seed: Seed, clock: Clock) -> None:
    """First what is true, then each change: counts, bars, and the picture by its address below our prefix."""
    first = (await line.next("now"))["shown"]
    assert (first["counts"]["delivered"], first["latest"], first["begun"]) == ("0", [], "")
    job_id = await seed.delivered(prompt="A donut")
    clock.on(seconds=5)
    shown = first
    while not shown["latest"] or not shown["plot"]["recorded"]:  # which is counted less often
        clock.on(seconds=5)
        shown = (await line.next("now"))["shown"]
    assert shown["latest"][0]["href"] == f"/below/jobs/{job_id}"
    assert shown["latest"][0]["src"].startswith(f"/below/jobs/{job_id}/images/1/thumbnail?v=")
    assert shown["latest"][0]["words"] == "A donut"
    assert shown["plot"]["recorded"].startswith("M")
    assert shown["totals"]["recorded"] == "1"


async def test_a_job_that_moves_is_named(line: Line, seed: Seed, clock: Clock) -> None:
    """A page that shows one job learns that it is not as it was."""
    await line.next("now")
    job_id = await seed.opened()
    clock.on(seconds=5)
    assert (await line.next("job"))["id"] == job_id


async def test_who_watches_a_job_hears_of_all_that_its_page_shows(
    road: Road, seed: Seed, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mark as it is, then another one at each delivery, repeat, refusal, picture and seal, none for another job."""
    monkeypatch.setattr(stream, "REST", 0.0)
    job_id, other = await seed.opened(), await seed.opened()
    async with aclosing(Line(road, job_id)) as line:
        seen = [(await line.next("mark"))["mark"]]
        line.lobby.stream._beat = 0.05
        deeds: list[Callable[[], Awaitable[Any]]] = [
            lambda: seed.came(job_id, images=2),
            lambda: seed.came(job_id),
            lambda: seed.stale(job_id),
            lambda: seed.stored(job_id, key="0"),
            lambda: seed.buried(job_id, "gone", key="1"),
            open_sealer(road.ledger, road.settings, clock).work,
        ]
        for deed in deeds:
            await seed.came(other)
            await deed()
            while (mark := (await line.next("mark"))["mark"]) in seen[-1:]:
                pass
            assert mark not in seen, deed
            seen.append(mark)
        line.lobby.stream.end()
        with pytest.raises(AssertionError, match="ended"):
            await line.next("mark")


async def test_what_is_no_job_cannot_be_watched(browser: httpx.AsyncClient) -> None:
    """The address of the events takes the id of a job, and no other text."""
    assert (await browser.get("/events?job=..")).status_code == 404


async def test_a_busy_ledger_does_not_cut_the_line(
    line: Line, seed: Seed, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database does not answer in between, what it says next is told."""
    await line.next("now")
    real = Ledger.now_view
    busy = iter([True])

    async def now_view(ledger: Ledger, now: Any) -> Any:
        if next(busy, False):
            raise LedgerBusy("the database does not answer right now")
        return await real(ledger, now)

    monkeypatch.setattr(Ledger, "now_view", now_view)
    await seed.opened()
    clock.on(seconds=5)
    line.lobby.stream._beat = 0.1
    while (await line.next("now"))["shown"]["counts"]["waiting"] != "1":
        clock.on(seconds=5)


async def test_a_stranger_hears_nothing(stranger: httpx.AsyncClient) -> None:
    """Events are behind the door; what asks for them is a program, and is told so."""
    answer = await stranger.get("/events", headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in")
