"""The pages of jobs: all of them, and one with everything that hangs on it."""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver import registry
from receiver.audit.provenance.reading import of_images
from receiver.errors import NoSuchJob
from receiver.ledger import verdict_reading
from receiver.ledger.marks import marks
from receiver.ledger.views import JobView
from receiver.pages import again, inputs, mends, sentences, signs
from receiver.pages.asked import ID, VIEWS, asked, has_empty
from receiver.pages.gate import Lobby
from receiver.pages.proof import MOST as MOST_ENTRIES
from receiver.pages.proof import proof_of
from receiver.pages.session import Session
from receiver.pages.timeline import with_seal
from receiver.pages.trail_words import KINDS
from receiver.pages.why import why

PAGE = {"gallery": 48, "table": 100}
"""Jobs on a page: of pictures, two, three, four or six in a row come out even."""
MOST_OUT = 101
MOST_DELIVERIES = 50


async def jobs(lobby: Lobby, request: Request, session: Session) -> Response:
    """Jobs, newest first: the pictures in front, or as a table."""
    query = dict(request.query_params)
    found = asked(query, lobby.now())
    if has_empty(query):
        return RedirectResponse(f"{request.scope.get('root_path', '')}/jobs{found.query()}", 303)
    ledger = lobby.road.ledger
    page, out = await asyncio.gather(ledger.search(found.wanted, found.after, PAGE[found.view]), _out(lobby))
    return lobby.painter.page(
        request, "jobs.html", session, page=page, asked=found, views=VIEWS,
        statuses=signs.STATUS, providers=sorted(registry.providers()), verdicts=signs.BELIEVED,
        refusals=mends.WRITTEN, sentence=sentences.of_jobs(out, lobby.now(), MOST_OUT),
        found=sentences.of_found(len(page.jobs), more=bool(page.next), paged=bool(found.after)),
        setting=lobby.settings.public,
    )  # fmt: skip


async def job(lobby: Lobby, request: Request, session: Session) -> Response:
    """One job: its pictures, what was asked for, what happened, every delivery and why, and the proof of it."""
    name = asked_id(request)
    mark = await lobby.road.ledger.read(lambda c: marks(c, [name]))  # first: what is shown is as new, or newer
    found = await asked_job(lobby, request)
    shown = found.deliveries[:MOST_DELIVERIES]
    ledger, tolerance = lobby.road.ledger, lobby.settings.tolerance
    made, proof, keys, offsets, held = await asyncio.gather(
        of_images(lobby.road.storage, found.images), proof_of(lobby, found.id),
        verdict_reading.keys_of(ledger, shown), verdict_reading.last_good(ledger, mends.stale(shown)),
        held_inputs(lobby, found),
    )  # fmt: skip
    return lobby.painter.page(
        request, "job.html", session, job=found, made=made, proof=proof, inputs=inputs.of(found), held=held,
        reasons={each.id: why(each, keys.get(each.id), tolerance) for each in shown}, offsets=offsets,
        steps=with_seal(found, proof.sealed_at, proof.span if proof.entries else ""), again=again.command(found),
        sentence=sentences.of_job(found, lobby.now()), most=MOST_DELIVERIES, most_entries=MOST_ENTRIES,
        did=sentences.DONE.get(request.query_params.get("did", ""), ""), out=signs.OUT, mark=mark.get(name, ""),
        kinds=KINDS, purged=signs.PURGED,
    )  # fmt: skip


async def asked_job(lobby: Lobby, request: Request) -> JobView:
    """The job that the address names. Raises NoSuchJob."""
    return await lobby.road.ledger.job(asked_id(request))


def asked_id(request: Request) -> str:
    """The id of a job in an address. Raises NoSuchJob for what is none."""
    return job_id(str(request.path_params["id"]))


def job_id(name: str) -> str:
    """The name, where it can be one. Raises NoSuchJob."""
    if not ID.fullmatch(name):
        raise NoSuchJob("this is not the id of a job; `proofhook jobs` lists those there are")
    return name


async def _out(lobby: Lobby) -> list[JobView]:
    """The jobs that have no end yet, newest first, as far as they need to be counted."""
    found = await asyncio.gather(*(lobby.road.ledger.jobs(status=status, limit=MOST_OUT) for status in signs.OUT))
    return [each for jobs in found for each in jobs]


async def held_inputs(lobby: Lobby, found: JobView) -> set[str]:
    """Which of the input pictures are here, by hash."""
    names = [each.sha256 for each in inputs.of(found) if each.sha256]
    there = await asyncio.gather(*(lobby.road.storage.has(name) for name in names))
    return {name for name, is_held in zip(names, there, strict=True) if is_held}
