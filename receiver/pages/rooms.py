"""The rooms beside the jobs: what is true now, and the evidence."""

from starlette.requests import Request
from starlette.responses import Response

from receiver.ledger.trail_glance import glance
from receiver.pages import trail_words
from receiver.pages.board import board
from receiver.pages.gate import Lobby
from receiver.pages.live import look
from receiver.pages.session import Session
from receiver.settings_shown import without_password


async def now(lobby: Lobby, request: Request, session: Session) -> Response:
    """Counts, the last hour, what expires next, the newest pictures."""
    view, stuck = await look(lobby)
    shown = board(view, stuck, lobby.now(), request.scope.get("root_path", ""))
    return lobby.painter.page(request, "now.html", session, board=shown, setting=lobby.settings.public)


async def evidence(lobby: Lobby, request: Request, session: Session) -> Response:
    """What is sealed, by whom it is signed, and how anyone can check it."""
    settings, found = lobby.settings, await glance(lobby.road.ledger)
    return lobby.painter.page(
        request, "evidence.html", session,
        trail=found, sentence=trail_words.of_trail(found, lobby.now()), kinds=trail_words.KINDS,
        note=trail_words.note_text(found), mirror=_place(settings.checkpoint_mirror_url), tsa=_place(settings.tsa_url),
    )  # fmt: skip


def _place(url: str) -> str:
    """An address as people may see it; empty where it is none."""
    return without_password(url).partition("?")[0]
