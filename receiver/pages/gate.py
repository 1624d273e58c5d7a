"""Who is let in to a page, and what is said where one cannot be shown. Errors become pages here and nowhere else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from receiver import errors
from receiver.api.stream import Stream
from receiver.pages.forms import form
from receiver.pages.render import Painter, guarded
from receiver.pages.session import Session, is_form_token, session_of
from receiver.pages.throttle import Throttle
from receiver.road import Road
from receiver.settings import Settings


@dataclass(frozen=True, slots=True)
class Lobby:
    """What pages are made with."""

    road: Road
    painter: Painter
    throttle: Throttle
    stream: Stream

    @property
    def settings(self) -> Settings:
        return self.road.settings

    def now(self) -> datetime:
        return self.road.clock()


Endpoint = Callable[[Request], Awaitable[Response]]
View = Callable[[Lobby, Request, Session], Awaitable[Response]]
Fields = Callable[[Request], Awaitable[dict[str, str]]]
OpenView = Callable[[Lobby, Request], Awaitable[Response]]

TITLES: dict[type[errors.ProofhookError], tuple[int, str]] = {
    errors.NoSuchJob: (404, "No such job"),
    errors.NoSuchDelivery: (404, "No such delivery"),
    errors.UnknownEndpoint: (404, "Nothing is here"),
    errors.BadOrder: (400, "This cannot be ordered"),
    errors.Misconfigured: (409, "A setting is in the way"),
    errors.Impossible: (409, "This cannot be done"),
    errors.BrokenEvidence: (409, "The evidence does not hold"),
    errors.Permanent: (404, "The file is not here"),
    errors.Malformed: (400, "This cannot be read"),
    errors.Unsatisfiable: (416, "No such part"),
    errors.TooLarge: (413, "Too much was sent"),
    errors.TryLater: (503, "Try again in a moment"),
}

_VIEWER = (
    "You are signed in with VIEWER_TOKEN, which lets see everything and change nothing. "
    "To do this, sign out and sign in with ADMIN_TOKEN."
)


def signed_in(lobby: Lobby, view: View) -> Endpoint:
    """A page for those who are signed in; the others are sent to the door."""

    async def shown(lobby: Lobby, request: Request) -> Response:
        session = session_of(request, lobby.settings, lobby.now())
        return await view(lobby, request, session) if session else sign_in_first(request)

    return anyone(lobby, shown)


def acting(lobby: Lobby, view: View, fields_of: Fields = form) -> Endpoint:
    """What a form of a page asks for: by those who may act, with their own session's form token."""

    async def done(lobby: Lobby, request: Request, session: Session) -> Response:
        if not session.may_act:
            return told(lobby, request, 403, "You may look, not act", "viewer", _VIEWER)
        fields = await fields_of(request)
        if not is_form_token(lobby.settings, session, fields.get("form_token", ""), lobby.now()):
            return foreign(lobby, request)
        return await view(lobby, request, session)

    return signed_in(lobby, done)


def anyone(lobby: Lobby, view: OpenView) -> Endpoint:
    """A page for everyone."""

    async def answer(request: Request) -> Response:
        try:
            return guarded(await view(lobby, request))
        except errors.ProofhookError as error:
            return sorry(lobby, request, error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    return answer


def sign_in_first(request: Request) -> Response:
    """A browser goes to the door and comes back; a program is told."""
    if not wants_html(request):
        detail = "sign in at /sign-in with ADMIN_TOKEN or VIEWER_TOKEN first; these pages are for people"
        return JSONResponse({"error": "not_signed_in", "detail": detail}, 401)
    root, query = request.scope.get("root_path", ""), request.url.query
    there = quote(request.scope["path"]) + (f"?{query}" if query else "")
    way_back = "" if request.method not in {"GET", "HEAD"} else f"?{urlencode({'next': there})}"
    return RedirectResponse(f"{root}/sign-in{way_back}", 303)


def foreign(lobby: Lobby, request: Request) -> Response:
    """What is told where a form's token is not of this session, or too old."""
    detail = "The form was too old, or not of this session. Go back, load the page again, and send it there."
    return told(lobby, request, 403, "Not from here", "foreign_form", detail)


def sorry(lobby: Lobby, request: Request, error: errors.ProofhookError) -> Response:
    """An error as a page, or for a program in the contract's shape."""
    status, title = next((TITLES[kind] for kind in type(error).__mro__ if kind in TITLES), (500, "This is our fault"))
    response = told(lobby, request, status, title, error.slug, str(error))
    if isinstance(error, errors.TryLater):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unsatisfiable):
        response.headers["Content-Range"] = error.content_range
    return response


def told(lobby: Lobby, request: Request, status: int, title: str, slug: str, detail: str) -> Response:
    """A refusal in words."""
    if not wants_html(request):
        return guarded(JSONResponse({"error": slug, "detail": detail}, status))
    session = session_of(request, lobby.settings, lobby.now())
    return lobby.painter.page(request, "problem.html", session, status, title=title, detail=_sentence(detail))


def _sentence(detail: str) -> str:
    """An error's words as people write them: a capital first, a stop last."""
    return detail[:1].upper() + detail[1:].rstrip(".") + "."


def wants_html(request: Request) -> bool:
    """Whether a person's browser asks, and not a program."""
    return "text/html" in request.headers.get("accept", "")
