"""The door for callbacks: `POST /hooks/{provider}/{token}`. Token first (arithmetic), then the body, then the road."""

from dataclasses import dataclass
from time import perf_counter

from starlette.types import Receive, Scope

from receiver import registry
from receiver.errors import ProofhookError, TooLarge, UnknownEndpoint
from receiver.ledger.arrivals import Recorded
from receiver.road import Road
from receiver.wire import tokens
from receiver.wire.provider import Provider
from receiver.wire.tokens import Claim
from receiver.wire.types import Delivery, Headers, Kind

MOST_DIGITS = 18
"""A Content-Length of more digits is no length; Python would also take long to read a very long one."""


class Gone(Exception):
    """The sender went away before its body was whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door says: status, JSON body, Retry-After in seconds; the other three are for the log."""

    status: int
    body: bytes
    provider: str = ""
    job_id: str = ""
    verdict: str = ""
    retry_after: int = 0


def claim(road: Road, purpose: str, name: str, token: str) -> tuple[Provider, Claim]:
    """Whose URL this is. Raises UnknownEndpoint for every wrong one alike."""
    provider = registry.provider(name)
    try:
        return provider, tokens.check(road.settings.secrets, purpose, provider.name, token)
    except UnknownEndpoint:
        if not road.rotated():
            raise
    return provider, tokens.check(road.settings.secrets, purpose, provider.name, token)


def arriving(road: Road, scope: Scope, provider: Provider, claimed: Claim, kind: Kind, body: bytes = b"") -> Delivery:
    """A delivery of a request, at this moment."""
    headers = Headers(tuple(scope["headers"]))
    return Delivery(provider.name, kind, claimed.job_id, headers, body, road.clock())


def declared(scope: Scope) -> int:
    """Content-Length, 0 where there is none or it is junk (the count of real bytes decides then)."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) <= MOST_DIGITS else 0
    return 0


async def hook(road: Road, scope: Scope, receive: Receive, name: str, token: str) -> Answer:
    """Take one callback. Raises UnknownEndpoint, TryLater; every other refusal is written down, then raised."""
    provider, claimed = claim(road, "hook", name, token)
    try:
        recorded = await _hook(road, scope, receive, provider, claimed)
        if recorded.refusal is not None:
            raise recorded.refusal
    except ProofhookError as error:
        error.about = (provider.name, claimed.job_id)
        raise
    if recorded.duplicate:
        return Answer(200, b'{"duplicate": true}', provider.name, claimed.job_id, "duplicate")
    return Answer(200, b'{"duplicate": false}', provider.name, claimed.job_id, "recorded")


async def _hook(road: Road, scope: Scope, receive: Receive, provider: Provider, claimed: Claim) -> Recorded:
    began = perf_counter()
    try:
        body = await _body(scope, receive, int(road.settings.max_body_bytes))
    except TooLarge as refusal:
        await road.refused(arriving(road, scope, provider, claimed, Kind.HOOK), refusal, declared(scope))
        raise
    road.tally.body.append(perf_counter() - began)
    return await road.hook(provider, arriving(road, scope, provider, claimed, Kind.HOOK, body))


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, never more than `limit` bytes of it in memory. Raises TooLarge, Gone."""
    if declared(scope) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than MAX_BODY_BYTES ({limit})")
