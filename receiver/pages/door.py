"""The door: signing in by token or by link, and signing out."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.pages.forms import form
from receiver.pages.gate import Lobby, foreign, told
from receiver.pages.session import (
    Session,
    is_admin,
    is_form_token,
    is_link_ticket,
    is_viewer,
    session_of,
    sign_in,
    sign_out,
)

_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2047}", re.ASCII)
_OLD_LINK = "This sign-in link is over: it is good for an hour. Type the token, or ask for a new link."
_WRONG = (
    "That is not the token. It is the value of ADMIN_TOKEN, or of VIEWER_TOKEN to look and not act; "
    "`proofhook settings` says where yours comes from."
)


async def show_door(lobby: Lobby, request: Request) -> Response:
    """The form; or, with the ticket of a sign-in link, straight in."""
    ticket = request.query_params.get("ticket")
    if ticket is not None:
        if is_link_ticket(lobby.settings, ticket, lobby.now()):
            return _enter(lobby, request, request.query_params.get("next", ""), may_act=True)
        return _form(lobby, request, 401, _OLD_LINK)
    if session_of(request, lobby.settings, lobby.now()):
        return _go(request, request.query_params.get("next", ""))
    return _form(lobby, request)


async def open_door(lobby: Lobby, request: Request) -> Response:
    """The form as it was sent."""
    if not from_here(request, lobby.settings.public):
        detail = "The form was sent from another site. Open this page by its own address and sign in there."
        return told(lobby, request, 403, "Not from here", "foreign_form", detail)
    fields = await form(request)
    # From here on nothing waits, so that tries at the same moment are counted one by one.
    who, now = request.client.host if request.client else "", lobby.now()
    wait = lobby.throttle.wait(who, now)
    if wait > timedelta(0):
        return _too_often(lobby, request, wait)
    token = fields.get("token", "")
    may_act = is_admin(lobby.settings, token)
    if not may_act and not is_viewer(lobby.settings, token):
        lobby.throttle.failed(who, now)
        return _form(lobby, request, 401, _WRONG, fields.get("next", ""))
    lobby.throttle.succeeded(who)
    return _enter(lobby, request, fields.get("next", ""), may_act=may_act)


async def leave(lobby: Lobby, request: Request, session: Session) -> Response:
    """Sign out."""
    fields = await form(request)
    if not is_form_token(lobby.settings, session, fields.get("form_token", ""), lobby.now()):
        return foreign(lobby, request)
    response = RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in", 303)
    sign_out(request, response)
    return response


def local(path: str, otherwise: str) -> str:
    """The path where it is one of this site, written so that no browser reads it as anything else."""
    return path if _LOCAL.fullmatch(path) else otherwise


def from_here(request: Request, public: str) -> bool:
    """Whether a form comes from our own page. What sends neither header is no browser, so nobody else steers it."""
    fetch_site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}
    hosts = {request.headers.get("host", ""), urlsplit(public).netloc}  # a proxy may have put another Host
    return origin is None or urlsplit(origin).netloc in hosts - {""}


def _form(lobby: Lobby, request: Request, status: int = 200, problem: str = "", way_on: str = "") -> Response:
    way_on = local(way_on or request.query_params.get("next", ""), "")
    return lobby.painter.page(request, "sign_in.html", None, status, problem=problem, way_on=way_on)


def _enter(lobby: Lobby, request: Request, way_on: str, *, may_act: bool) -> Response:
    response = _go(request, way_on)
    sign_in(request, response, lobby.settings, lobby.now(), may_act=may_act)
    return response


def _go(request: Request, way_on: str) -> Response:
    return RedirectResponse(local(way_on, f"{request.scope.get('root_path', '')}/"), 303)


def _too_often(lobby: Lobby, request: Request, wait: timedelta) -> Response:
    seconds = -(-wait // timedelta(seconds=1))
    detail = f"Too many wrong tokens came from this address. Wait {seconds} s, then try again."
    response = _form(lobby, request, 429, detail)
    response.headers["Retry-After"] = str(seconds)
    return response
