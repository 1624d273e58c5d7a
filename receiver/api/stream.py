"""Server-sent events (WHATWG HTML §9.2): what is true now, and every job that moves.

However many listen, programs or pages, the ledger is read once: at most once a second, when something was committed.

    event: now   data: what /api/v1/now answers, when it is not what it was
    event: job   data: {"id": …, "status": …}
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from receiver.errors import TryLater
from receiver.ledger import pulse
from receiver.ledger.marks import marks
from receiver.ledger.now_reading import NowView
from receiver.ledger.rules import FINAL
from receiver.ledger.shapes import now_json
from receiver.road import Road

MOST_LISTENERS = 64
MOST_WATCHED = 1000
"""Jobs without an end that are looked at each time."""
MOST_BEHIND = 100
"""Rounds of news that wait for one listener; who is further behind is let go of, and comes again for what is true."""
REST = 1.0
"""Seconds between two readings at least."""
SETTLING = 1.5
"""Seconds until we look again after something was new: what we were shown may have been a second old."""
BEAT = 15.0
"""Seconds without an event after which a comment goes out: proxies hang up on silence."""
LONGEST = 900.0
"""Seconds after which a listener has to come again, and to show its token or session again."""
MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
"""Events go out as they are: nginx would collect them."""
_RETRY = b"retry: 2000\n\n"
_COMMENT = b": nothing new\n\n"


@dataclass(frozen=True, slots=True)
class News:
    """What one reading brought: the view, where it is not what it was, and jobs that moved. `said`: both as events.

    `marks` are of jobs that somebody watches, where they are not what they were.
    """

    view: NowView | None
    moved: tuple[tuple[str, str], ...]
    said: bytes
    marks: Mapping[str, str] = field(default_factory=dict)


Listener = asyncio.Queue[News | None]
"""None is the end."""
Tell = Callable[[News], Awaitable[bytes]]
"""News as the events of one kind of listener; nothing where it is nothing to them."""


async def plainly(news: News) -> bytes:
    """As programs are told."""
    return news.said


class Stream:
    """One source for every listener of this process; it reads while there is one. `ended` is set by `end`."""

    def __init__(self, road: Road, beat: float = BEAT) -> None:
        self.ended = asyncio.Event()
        self._road, self._beat = road, beat
        self._listeners: dict[Listener, str] = {}
        self._reader: asyncio.Task[None] | None = None
        self._now: News | None = None
        self._known: dict[str, str] | None = None
        self._marks: dict[str, str] = {}
        self._last = ""

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def end(self) -> None:
        """The process stops: every listener comes to its end, and nobody is taken in any more."""
        self.ended.set()
        self._dismiss()

    def listen(self, tell: Tell = plainly, watched: str = "") -> AsyncIterator[bytes]:
        """Events as bytes, from what is true now on; of the job that is `watched` also its mark (see ledger/marks.py).

        Raises TryLater where too many listen.
        """
        if self.ended.is_set() or len(self._listeners) >= MOST_LISTENERS:
            raise TryLater(f"at most {MOST_LISTENERS} may listen to one process at a time; close some, or ask again")
        return self._events(tell, watched)

    async def _events(self, tell: Tell, watched: str) -> AsyncIterator[bytes]:
        loop, mine = asyncio.get_running_loop(), Listener(MOST_BEHIND)
        until = loop.time() + LONGEST
        self._listeners[mine] = watched
        self._read_on()
        if self._now is not None:
            mine.put_nowait(self._now)
        try:
            yield _RETRY
            if watched:  # read once more than needed, but nothing that happens from here on is missed
                yield await tell(await self._first(watched))
            while loop.time() < until and not self.ended.is_set():
                try:
                    async with asyncio.timeout(self._beat):
                        news = await mine.get()
                except TimeoutError:
                    yield _COMMENT
                    continue
                if news is None:
                    return
                if said := await tell(news):
                    yield said
        finally:
            self._listeners.pop(mine, None)
            if not self._listeners and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    async def _first(self, watched: str) -> News:
        """What is true of the job now; nothing while the database is away: `_look` tells it when it is back."""
        with suppress(TryLater):
            return News(None, (), b"", await self._marked([watched]))
        return News(None, (), b"")

    def _read_on(self) -> None:
        if self._reader is None or self._reader.done():
            self._now, self._known, self._last, self._marks = None, None, "", {}
            self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            async with self._road.ledger.listening(REST) as ear:
                while not self.ended.is_set():
                    told = False
                    with suppress(TryLater):  # whoever listens goes on listening until the database is back
                        told = await self._look()
                    await ear.changed(SETTLING if told else self._beat, self.ended)
        except Exception:  # a defect: nobody is to go on listening to silence
            self._dismiss()
            raise

    async def _look(self) -> bool:
        """Tell what is new; whether anything was."""
        view, moved = await self._road.ledger.now_view(self._road.clock()), await self._moved()
        changed = await self._changed()
        now = event("now", now_json(view, self._road.storage))
        fresh = self._now is None or now != self._now.said
        if fresh:
            self._now = News(view, (), now)
        moves = [event("job", {"id": job_id, "status": status}) for job_id, status in moved]
        if fresh or moves or changed:
            self._tell(News(view if fresh else None, moved, b"".join([now, *moves] if fresh else moves), changed))
        return bool(fresh or moves or changed)

    async def _changed(self) -> dict[str, str]:
        """Marks of the jobs that somebody watches, where they are not what they were."""
        before, self._marks = self._marks, await self._marked(sorted(set(self._listeners.values()) - {""}))
        return {name: mark for name, mark in self._marks.items() if before.get(name) != mark}

    async def _marked(self, jobs: list[str]) -> dict[str, str]:
        return await self._road.ledger.read(lambda c: marks(c, jobs)) if jobs else {}

    async def _moved(self) -> tuple[tuple[str, str], ...]:
        """Jobs whose status is not what it was; at the first look there is nothing to compare with."""
        before, ledger = self._known, self._road.ledger
        if before is None:
            watched = await ledger.read(lambda c: pulse.underway(c, MOST_WATCHED))
        else:
            watched = [name for name, status in before.items() if status not in FINAL][:MOST_WATCHED]
        seen = await ledger.read(lambda c: pulse.pulse(c, watched, self._last))
        self._known, self._last = dict(seen.statuses), seen.last
        if before is None:
            return ()
        return tuple((name, status) for name, status in seen.statuses.items() if before.get(name) != status)

    def _tell(self, news: News) -> None:
        for listener in self._listeners:
            if listener.full():
                _let_go(listener)
            else:
                listener.put_nowait(news)

    def _dismiss(self) -> None:
        for listener in self._listeners:
            _let_go(listener)


def answer(stream: Stream, request: Request, tell: Tell = plainly, watched: str = "") -> Response:
    """The answer to whoever listens; to HEAD only how it would begin. Raises TryLater where too many listen."""
    if request.method == "HEAD":
        return Response(headers=HEADERS, media_type=MEDIA_TYPE)
    return StreamingResponse(stream.listen(tell, watched), headers=HEADERS, media_type=MEDIA_TYPE)


def event(name: str, data: Any) -> bytes:
    """One event; its data is one line, because JSON has no line breaks of its own."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _let_go(listener: Listener) -> None:
    """Its end instead of what it waits for."""
    while not listener.empty():
        listener.get_nowait()
    listener.put_nowait(None)
