"""What keeps an open page current: server-sent events for browsers that are signed in, of the stream that API has."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from receiver.api import stream
from receiver.api.stream import News
from receiver.errors import TryLater
from receiver.ledger.now_reading import NowView
from receiver.ledger.views import JobView
from receiver.pages.board import board
from receiver.pages.gate import Lobby
from receiver.pages.session import Session
from receiver.pages.views import job_id

MOST_STUCK = 5


async def events(lobby: Lobby, request: Request, _session: Session) -> Response:
    """`event: now` with the page's values, `event: job` as programs have it. Raises TryLater where too many listen.

    To the page of one job (`?job=`) only that job's mark is told: at first, and whenever it is another one.
    """
    if "job" in request.query_params:
        return stream.answer(lobby.stream, request, *_of_job(job_id(request.query_params["job"])))
    at = request.scope.get("root_path", "")

    async def told(news: News) -> bytes:
        said = [stream.event("job", {"id": job_id, "status": status}) for job_id, status in news.moved]
        with suppress(TryLater):  # the next change is told again, and whole
            if news.view is not None:
                shown = board(news.view, await _stuck(lobby, news.view), lobby.now(), at)
                said.insert(0, stream.event("now", {"shown": shown}))
        return b"".join(said)

    return stream.answer(lobby.stream, request, told)


def _of_job(watched: str) -> tuple[stream.Tell, str]:
    async def told(news: News) -> bytes:
        return stream.event("mark", {"mark": news.marks[watched]}) if watched in news.marks else b""

    return told, watched


async def look(lobby: Lobby) -> tuple[NowView, list[JobView]]:
    """What is true now, and the newest jobs that have a dead letter. Raises LedgerBusy."""
    view = await lobby.road.ledger.now_view(lobby.now())
    return view, await _stuck(lobby, view)


async def _stuck(lobby: Lobby, view: NowView) -> list[JobView]:
    jobs = await lobby.road.ledger.jobs(status="succeeded", limit=50) if view.dead else []
    return [job for job in jobs if job.stuck][:MOST_STUCK]
