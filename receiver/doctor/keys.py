"""The key servers of providers: whether they answer with keys, and whether our clock agrees with theirs."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from receiver.doctor.check import Check, bad, good, unknown
from receiver.errors import Malformed
from receiver.keyring import MOST_BYTES
from receiver.settings import Settings
from receiver.wire.jwks import ed25519_keys
from receiver.wire.provider import Jwks, Provider

PATIENCE = 6.0
"""Seconds for a key server."""


async def checks(settings: Settings, providers: Sequence[Provider], trust: ssl.SSLContext) -> Sequence[Check]:
    """Two for each provider that has a key server; the clock's is made once, with the first that answers."""
    async with httpx.AsyncClient(verify=trust, trust_env=False, follow_redirects=False, timeout=PATIENCE) as client:
        asked = await asyncio.gather(*(_keys(settings, each, client) for each in providers))
    found = [check for check, _ in asked]
    skews = [skew for _, skew in asked if skew is not None]
    return [*found, _clock(skews[0] if skews else None, settings)] if found else []


async def _keys(settings: Settings, provider: Provider, client: httpx.AsyncClient) -> tuple[Check, float | None]:
    """And by how many seconds our clock is ahead of the server's."""
    source = provider.keys
    assert isinstance(source, Jwks)
    url, name = settings.options.get(source.setting) or source.url, f"keys of {provider.name}"
    mend = f"let this machine reach {httpx.URL(url).host}, or set {source.setting}"
    try:
        async with asyncio.timeout(PATIENCE), client.stream("GET", url) as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    break
        held = ed25519_keys(bytes(body), url, datetime.now(UTC)) if answer.status_code == HTTPStatus.OK else ()
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
        why = type(error).__name__
        return bad(name, f"{provider.title}'s key server cannot be reached ({why}): nothing verifies", mend), None
    except Malformed as error:
        return bad(name, f"{provider.title}'s key server gives no keys: {error}", mend), None
    if not held:
        return bad(name, f"{provider.title}'s key server answered HTTP {answer.status_code}, without keys", mend), None
    many = "1 key" if len(held) == 1 else f"{len(held)} keys"
    return good(name, f"{provider.title}'s key server gives {many}"), _skew(answer.headers.get("date"))


def _skew(date: str | None) -> float | None:
    """Seconds, by a Date header (RFC 9110 §6.6.1)."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds() if date else None
    except (ValueError, TypeError):
        return None


def _clock(skew: float | None, settings: Settings) -> Check:
    if skew is None:
        return unknown("clock", "no key server told the time, so the clock of this machine is not checked")
    said = f"the clock of this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the key server's"
    if abs(skew) * 2 > settings.timestamp_tolerance:
        return bad("clock", f"{said}: good signatures will be stale", "set the clock by a time server (NTP)")
    return good("clock", said if abs(skew) > 2 else "the clock of this machine is right")  # noqa: PLR2004  Date has whole seconds
