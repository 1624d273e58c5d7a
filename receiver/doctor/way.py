"""The way in: three requests to PUBLIC_URL, as a provider makes them. None of them leaves a row behind."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from receiver import here
from receiver.doctor.check import Check, bad, good, unknown
from receiver.settings import Settings

PATIENCE = 5.0
LARGE = 4 * 2**20
"""Bytes of a callback that brings a picture along."""
_PIECE = 2**16
REDIRECTS = range(300, 400)


async def checks(settings: Settings, trust: ssl.SSLContext, now: datetime, own: Sequence[bytes]) -> Sequence[Check]:
    """Whether it leads to this very receiver, through which proxy, without a redirect, and with large bodies."""
    limits = httpx.Timeout(PATIENCE)
    async with httpx.AsyncClient(verify=trust, trust_env=False, follow_redirects=False, timeout=limits) as client:
        ours, posted = await asyncio.gather(_here(settings, client, now, own), _posts(settings, client))
    return [*ours, *posted]


async def _here(settings: Settings, client: httpx.AsyncClient, now: datetime, own: Sequence[bytes]) -> Sequence[Check]:
    """`/healthz` through the front door, with a question that only this house can answer."""
    nonce, name = secrets.token_urlsafe(16), "reached"
    if not own:
        return [unknown(name, "without PROOFHOOK_SECRET nobody can tell whether PUBLIC_URL leads here")]
    url = f"{settings.public}/healthz?{here.question(own, nonce, now)}"
    try:
        answer = await client.get(url)
        body = answer.json() if answer.status_code == HTTPStatus.OK else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why, mend = type(error).__name__, "start `proofhook serve`, and let PUBLIC_URL lead to its HOST and PORT"
        return [bad(name, f"{settings.public}/healthz does not answer as a receiver does ({why})", mend)]
    if answer.status_code in REDIRECTS:
        return []  # told of the callback path, where it matters
    seen = here.read(own, nonce, body, now)
    if seen is None:
        says = f"something answers at {settings.public} with HTTP {answer.status_code}, but not this receiver"
        return [bad(name, says, "let PUBLIC_URL lead here, and set the same PROOFHOOK_SECRET for all processes")]
    return [good(name, f"{settings.public} leads to this receiver"), _proxy(settings, seen)]


def _proxy(settings: Settings, seen: here.Seen) -> Check:
    """Whether what a proxy says of its caller is believed."""
    if seen.scheme == urlsplit(settings.public).scheme:
        return good("proxy headers", f"the receiver knows that it was called by {seen.scheme}")
    says = f"PUBLIC_URL is {urlsplit(settings.public).scheme}, yet the receiver saw {seen.scheme}: the proxy at "
    says += f"{seen.peer or 'a socket'} does not say so, or is not believed"
    mend = f"FORWARDED_ALLOW_IPS: add {seen.peer or '*'}, and let the proxy set X-Forwarded-Proto"
    return bad("proxy headers", says, mend)


async def _posts(settings: Settings, client: httpx.AsyncClient) -> Sequence[Check]:
    """A small and a large POST to a callback URL that nobody was given: ours answers 404 in its own words."""
    url = f"{settings.public}/hooks/doctor/{secrets.token_urlsafe(16)}"
    small, large = await asyncio.gather(*(_post(client, url, count) for count in (2, _large(settings))))
    return [_redirect(small), *_limit(small, large, settings)]


async def _post(client: httpx.AsyncClient, url: str, count: int) -> httpx.Response | str:
    """The answer, or the name of what went wrong."""
    try:
        headers = {"content-type": "application/json", "content-length": str(count)}
        return await client.post(url, content=_zeros(count), headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__


async def _zeros(count: int) -> AsyncIterator[bytes]:
    for start in range(0, count, _PIECE):
        yield b"0" * min(_PIECE, count - start)


def _redirect(answer: httpx.Response | str) -> Check:
    if isinstance(answer, str):
        return unknown("redirects", f"a POST to the callback path was not answered ({answer})")
    if answer.status_code in REDIRECTS:
        says = f"the callback path answers HTTP {answer.status_code}: several providers take that for the end"
        return bad("redirects", says, "PUBLIC_URL: write the address that it leads to, or turn the redirect off")
    return good("redirects", "the callback path does not redirect")


def _limit(small: httpx.Response | str, large: httpx.Response | str, settings: Settings) -> Sequence[Check]:
    says, name = f"a callback of {_large(settings) // 2**20 or 1} MiB", "body limit"
    if not _ours(small):
        return []
    if _ours(large):
        return [good(name, f"{says} gets through")]
    why = large if isinstance(large, str) else f"HTTP {large.status_code}"
    if isinstance(large, str) or large.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return [unknown(name, f"{says} was not answered by this receiver ({why})")]
    mend = f"let the proxy pass MAX_BODY_BYTES ({settings.max_body_bytes}); nginx: client_max_body_size"
    return [bad(name, f"{says} is turned away by the proxy ({why})", mend)]


def _ours(answer: httpx.Response | str) -> bool:
    try:
        body: Any = None if isinstance(answer, str) else answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("error") == "unknown_endpoint"


def _large(settings: Settings) -> int:
    return min(LARGE, int(settings.max_body_bytes))
