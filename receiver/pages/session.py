"""Who is signed in: a signed ticket in a cookie, so that nothing is stored. Another ADMIN_TOKEN ends every session.

VIEWER_TOKEN lets look and not act; another one ends the sessions of those who came in by it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from receiver.errors import UnknownEndpoint
from receiver.settings import Settings
from receiver.wire import tokens

COOKIE = "proofhook_session"
LIFETIME = timedelta(hours=12)
LINK_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in; `nonce` is what its form tokens belong to, `may_act` false for a viewer."""

    nonce: str
    may_act: bool


def sign_in_link(settings: Settings, now: datetime) -> str:
    """A link that signs in without typing the token; good for an hour, and for nothing else."""
    ticket = tokens.ticket(settings.secrets, "sign-in", "admin", now + LINK_LIFETIME)
    return f"{settings.public}/sign-in?{urlencode({'ticket': ticket})}"


def is_link_ticket(settings: Settings, ticket: str, now: datetime) -> bool:
    """Whether a sign-in link's ticket is ours, for this purpose, and not over."""
    return _subject(settings, "sign-in", ticket, now) is not None


def is_admin(settings: Settings, token: str) -> bool:
    """Whether this is ADMIN_TOKEN, which lets look and act."""
    return _same(settings.admin, token)


def is_viewer(settings: Settings, token: str) -> bool:
    """Whether this is VIEWER_TOKEN, which lets look; never where none is set."""
    return settings.viewer is not None and _same(settings.viewer, token)


def sign_in(request: Request, response: Response, settings: Settings, now: datetime, *, may_act: bool) -> None:
    """Give the browser its cookie."""
    purpose = _acting(settings) if may_act else _looking(settings)
    ticket = tokens.ticket(settings.secrets, purpose, secrets.token_urlsafe(16), now + LIFETIME)
    response.set_cookie(
        COOKIE, ticket, max_age=int(LIFETIME.total_seconds()), path=_path(request), httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip


def sign_out(request: Request, response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(
        COOKIE, path=_path(request), httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )


def session_of(request: Request, settings: Settings, now: datetime) -> Session | None:
    """The session of the request, None without a good cookie."""
    ticket = request.cookies.get(COOKIE, "")
    nonce = _subject(settings, _acting(settings), ticket, now)
    if nonce is not None:
        return Session(nonce, may_act=True)
    nonce = _subject(settings, _looking(settings), ticket, now) if settings.viewer else None
    return None if nonce is None else Session(nonce, may_act=False)


def form_token(settings: Settings, session: Session, now: datetime) -> str:
    """What every form of this session carries, so that another site's form is not taken for ours."""
    return tokens.ticket(settings.secrets, "form", session.nonce, now + LIFETIME)


def is_form_token(settings: Settings, session: Session, token: str, now: datetime) -> bool:
    nonce = _subject(settings, "form", token, now)
    return nonce is not None and hmac.compare_digest(nonce.encode(), session.nonce.encode())


def _subject(settings: Settings, purpose: str, ticket: str, now: datetime) -> str | None:
    try:
        return tokens.check_ticket(settings.secrets, purpose, ticket, now)
    except UnknownEndpoint:
        return None


def _same(token: bytes, given: str) -> bool:
    """Hashed first, so that the time taken tells neither its length nor its start."""
    found = hashlib.sha256(given.strip().encode("utf-8", "surrogatepass")).digest()
    return hmac.compare_digest(found, hashlib.sha256(token.strip()).digest())


def _acting(settings: Settings) -> str:
    """The token's hash is under the MAC and not in the cookie: it ends sessions, and nobody can read it."""
    return f"session {hashlib.sha256(settings.admin.strip()).hexdigest()}"


def _looking(settings: Settings) -> str:
    """The ticket of a viewer's cookie is made for both tokens, so that either's change ends it."""
    return f"viewing {hashlib.sha256(settings.viewer or b'').hexdigest()} {_acting(settings)}"


def _path(request: Request) -> str:
    return str(request.scope.get("root_path", "")) or "/"
