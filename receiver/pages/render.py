"""A page from a template: autoescaped, every value made plain, and sent with headers that allow nothing but itself."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from threading import Timer
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from receiver.audit.provenance.reading import word
from receiver.ledger.shapes import moment
from receiver.pages import mends, sentences, signs, timeline, words
from receiver.pages.session import Session, form_token
from receiver.road import Road

HERE = Path(__file__).parent
STATIC: Mapping[str, str] = MappingProxyType(
    {
        "style.css": "text/css; charset=utf-8",
        "live.js": "text/javascript; charset=utf-8",
        "mark.svg": "image/svg+xml",
    }
)
"""Everything that is served as it lies in `static/`, and its media type."""

FILTERS: tuple[Callable[..., Any], ...] = (
    words.ago, words.clip, words.clock, words.exact, words.flat, words.many, words.short, words.shown, words.size,
    words.span, signs.believed, signs.credential_sign, signs.delivery_sign, signs.frame, signs.image_sign,
    signs.job_sign, signs.way, signs.can_cancel, signs.can_retry, timeline.duration, sentences.prompt, moment, word,
)  # fmt: skip
"""The templates know them by these names."""

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SETTLED = 0.5
"""Seconds after the first page."""
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
)


def guarded(response: Response) -> Response:
    """The response with every one of our headers that it has no word of its own for."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@cache
def environment() -> Environment:
    """What the templates are written in, one for all. A name that is not there is an error, never an empty place."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, auto_reload=False,
        trim_blocks=True, lstrip_blocks=True, finalize=_plain,
    )  # fmt: skip
    made.filters |= {verb.__name__: verb for verb in FILTERS}
    made.globals |= {
        name: _fingerprint(file) for name, file in (("style", "style.css"), ("script", "live.js"), ("mark", "mark.svg"))
    }
    return made


@cache
def warm() -> Timer:
    """Compiles every template once, in the background: whoever opened one page opens the next one soon.

    Not before the first page: a web process that shows none has neither the work nor the memory of it. And a moment
    after it, so as not to be in its way, or in that of a page that it leads to at once.
    """
    made = Timer(SETTLED, _compile)
    made.daemon = True
    made.start()
    return made


def _compile() -> None:
    found = environment()
    for name in found.list_templates():
        found.get_template(name)


class Painter:
    """Templates, ready to be filled in."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._templates = environment()

    def page(
        self, request: Request, template: str, session: Session | None = None, status: int = 200, **shown: Any
    ) -> Response:
        """An HTML page; `at` is the prefix that we are mounted under, `now` the moment that times are told from."""
        now, settings = self._road.clock(), self._road.settings
        frame = {
            "at": request.scope.get("root_path", ""),
            "now": now,
            "room": request.url.path,
            "form_token": form_token(settings, session, now) if session else "",
            "may_act": session is not None and session.may_act,
            "mend": partial(mends.mend, settings=settings),
        }
        html = self._templates.get_template(template).render(**frame, **shown)
        warm()
        return guarded(Response(html.encode("utf-8", "replace"), status, media_type="text/html"))


def _plain(value: Any) -> Any:
    """Whatever a template prints: numbers and finished markup as they are, text without what breaks a page."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else words.plain(value)


def _fingerprint(name: str) -> str:
    """Tells one release's file from the next one's, so that a browser may keep it."""
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:8]
