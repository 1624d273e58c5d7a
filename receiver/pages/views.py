"""The pages: jobs, one job, deliveries."""

import asyncio
import re
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from receiver import registry
from receiver.audit.provenance.reading import of_images
from receiver.errors import Malformed, NoSuchJob
from receiver.ledger.shapes import moment
from receiver.ledger.views import DeliveryView, JobView
from receiver.pages import sentences, signs
from receiver.pages.gate import Lobby
from receiver.pages.session import Session

PAGE = 48
"""Jobs on a page: two, three, four or six in a row come out even."""
MOST_OUT = 101
MOST_DELIVERIES = 50
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WORD = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)


async def jobs(lobby: Lobby, request: Request, session: Session) -> Response:
    """Jobs, newest first, the pictures in front."""
    asked = {name: _word(request, name) for name in ("status", "provider")}
    wanted = {name: value for name, value in asked.items() if value}
    before = _moment(request.query_params.get("before"))
    found, out = await asyncio.gather(lobby.road.ledger.jobs(**wanted, before=before, limit=PAGE + 1), _out(lobby))
    more = moment(found[PAGE - 1].created_at) if len(found) > PAGE else None
    return lobby.painter.page(
        request, "jobs.html", session,
        jobs=found[:PAGE], more=more, asked=asked, wanted=wanted, paged=before is not None,
        statuses=signs.STATUS, providers=sorted(registry.providers()),
        sentence=sentences.of_jobs(out, lobby.now(), MOST_OUT), setting=lobby.settings.public,
    )  # fmt: skip


async def job(lobby: Lobby, request: Request, session: Session) -> Response:
    """One job: its pictures, what was asked for, what happened, and every delivery."""
    found = await asked_job(lobby, request)
    made = await of_images(lobby.road.storage, found.images)
    sentence = sentences.of_job(found, lobby.now())
    return lobby.painter.page(
        request, "job.html", session, job=found, made=made, sentence=sentence, most=MOST_DELIVERIES
    )


async def deliveries(lobby: Lobby, request: Request, session: Session) -> Response:
    """Everything that came in, believed or refused."""
    verdict = _word(request, "verdict")
    found = await _came_in(lobby, verdict)
    return lobby.painter.page(
        request, "deliveries.html", session,
        deliveries=found, verdict=verdict, verdicts=signs.BELIEVED, refusals=sorted(signs.REFUSALS),
        sentence=sentences.of_deliveries(found, MOST_DELIVERIES, verdict),
    )  # fmt: skip


async def asked_job(lobby: Lobby, request: Request) -> JobView:
    """The job that the address names. Raises NoSuchJob."""
    name = request.path_params["id"]
    if not _ID.fullmatch(name):
        raise NoSuchJob("this is not the id of a job; `proofhook jobs` lists those there are")
    return await lobby.road.ledger.job(name)


async def _out(lobby: Lobby) -> list[JobView]:
    """The jobs that have no end yet, newest first, as far as they need to be counted."""
    found = await asyncio.gather(*(lobby.road.ledger.jobs(status=status, limit=MOST_OUT) for status in signs.OUT))
    return [each for jobs in found for each in jobs]


async def _came_in(lobby: Lobby, verdict: str) -> list[DeliveryView]:
    """The newest; `refused` stands for every slug of a refusal."""
    slugs: tuple[str | None, ...] = ("refused", *signs.REFUSALS) if verdict == "refused" else (verdict or None,)
    asked = (lobby.road.ledger.deliveries(verdict=slug, limit=MOST_DELIVERIES) for slug in slugs)
    found = [each for deliveries in await asyncio.gather(*asked) for each in deliveries]
    return sorted(found, key=lambda each: each.id, reverse=True)[:MOST_DELIVERIES]


def _word(request: Request, name: str) -> str:
    """A filter. Raises Malformed."""
    value = request.query_params.get(name, "")
    if value and not _WORD.fullmatch(value):
        raise Malformed(f"{name} is one word of small letters, such as those the page offers")
    return value


def _moment(value: str | None) -> datetime | None:
    """A time of the address. Raises Malformed."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Malformed("before is a time with its zone, such as 2026-01-31T12:00:00Z")
