"""The evidence of one job as a file: what it tells is said first, then it is handed over."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from receiver.audit.bundle import Bundle, export
from receiver.audit.redaction import FIELDS, GROUPS, left_out
from receiver.errors import BadOrder, BrokenEvidence, LedgerBusy, Malformed, TooLarge, TryLater
from receiver.ledger.views import JobView
from receiver.pages.gate import Lobby
from receiver.pages.session import Session
from receiver.pages.views import asked_job
from receiver.pages.words import size

MOST_BYTES = 48 * 1024 * 1024
"""Of pictures and bodies: a bundle is put together in memory, and this process has callbacks to take."""
MOST_NAMES = len(FIELDS) + len(GROUPS)
CHOICES = {
    "prompt": "prompt, parameters, bodies, error messages",
    "headers": "headers of every request",
    "body": "bodies of every request",
    "pictures": "pictures",
    "tags": "tags",
    "url": "addresses the pictures came from",
}
"""What the page offers to leave out, in people's words; the command knows every field."""


class Bundles:
    """One at a time, so that what they take of the memory is bounded."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def page(self, lobby: Lobby, request: Request, session: Session) -> Response:
        """What a bundle would tell, with the fields left out that the address names; and the link to it."""
        job, names, made, problem = await asked_job(lobby, request), _redact(request), None, ""
        try:
            made = await self._made(lobby, job, names)
        except LedgerBusy:
            raise
        except (TryLater, BrokenEvidence, TooLarge) as error:
            problem = str(error)
        return lobby.painter.page(
            request, "bundle.html", session, job=job, made=made, problem=problem, names=names, choices=CHOICES,
            bytes=len(made.data) if made else 0,
        )  # fmt: skip

    async def file(self, lobby: Lobby, request: Request, _session: Session) -> Response:
        """The bundle itself. Raises TryLater where not all is sealed yet, TooLarge, BrokenEvidence."""
        job = await asked_job(lobby, request)
        made = await self._made(lobby, job, _redact(request))
        name = f"proofhook-{job.id}.zip"
        return Response(
            made.data,
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Type": "application/zip"},
        )

    async def _made(self, lobby: Lobby, job: JobView, names: tuple[str, ...]) -> Bundle:
        total = sum(each.bytes or 0 for each in job.pictures) + sum(each.body_bytes for each in job.deliveries)
        if total > MOST_BYTES:
            raise TooLarge(
                f"this job has {size(total)} of pictures and bodies, too much to be put together here: "
                f"`proofhook audit export {job.id} -o {job.id[:8]}.zip`"
            )
        road = lobby.road
        async with self._one:
            return await export(road.ledger, road.storage, lobby.settings, [job.id], names)


def _redact(request: Request) -> tuple[str, ...]:
    """The fields to leave out. Raises Malformed for a name that is none."""
    names = tuple(dict.fromkeys(request.query_params.getlist("redact")[:MOST_NAMES]))
    try:
        left_out(names)
    except BadOrder:
        raise Malformed(f"redact is one of {', '.join((*GROUPS, *FIELDS))}") from None
    return names
