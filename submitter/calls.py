"""Calls to providers: bounded, retried only where it cannot be paid twice, with the key sent to its own host alone."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import stamina

from receiver.errors import Malformed, ProofhookError
from receiver.wire.orders import Call, Reply
from receiver.wire.provider import Provider
from receiver.wire.types import Headers
from submitter.keys import spending_key

ATTEMPTS = 5
PATIENCE = timedelta(seconds=120)
LONGEST_WAIT = 60.0
TIMEOUT = httpx.Timeout(60, connect=10)
DIRECT = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
"""A proxy from the environment may lead to a provider, never to the sandbox on our own machine."""
SHORTEST_KEY = 12
"""A text that is shorter is no real key, and may well stand in an answer by chance."""


class NeverSent(ProofhookError):
    """No connection was made: the provider cannot have the call, so it may be made again."""

    slug = "never_sent"


class NoAnswer(ProofhookError):
    """The call went out and its answer never came: whether the provider has it, nobody here knows."""

    slug = "no_answer"


class _Busy(Exception):
    """429 or 503: the provider says that it did not take the call, and when to come back."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


class Caller:
    """Makes calls for one process. `limit` bounds an answer in bytes. `scale` shortens waits in tests."""

    def __init__(self, limit: int, client: httpx.AsyncClient | None = None, scale: float = 1.0) -> None:
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, mounts=DIRECT)
        self._limit = limit
        self._scale = scale

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, provider: Provider, call: Call, base: str, attempts: int = ATTEMPTS) -> Reply:
        """Make a call; after 429, 503 or no connection again, bounded. Raises NeverSent, NoAnswer, Malformed.

        When every attempt was told to come back later, the last such reply is returned.
        """
        try:
            async for attempt in stamina.retry_context(
                on=self._again,
                attempts=attempts,
                timeout=PATIENCE,
                wait_initial=0.1 * self._scale,
                wait_max=5 * self._scale,
                wait_jitter=self._scale,
            ):
                with attempt:
                    return await self._once(provider, call, base)
        except _Busy as busy:
            return busy.reply
        raise AssertionError("stamina ends by returning or raising")

    def _again(self, error: Exception) -> bool | float:
        if isinstance(error, _Busy):
            return _retry_after(error.reply) * self._scale
        return isinstance(error, NeverSent)

    async def _once(self, provider: Provider, call: Call, base: str) -> Reply:
        if _origin(call.url) != _origin(base):
            raise Malformed(
                f"{provider.title} pointed to another host than {provider.url_setting}; our key is not sent there"
            )
        key = spending_key(provider)
        header, template = provider.auth
        headers = {header: template.format(key=key), "user-agent": "proofhook"}
        if call.body is not None:
            headers["content-type"] = "application/json"
        try:
            reply = await self._ask(call, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NeverSent(f"{provider.title} cannot be reached ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise NoAnswer(f"{provider.title} did not answer ({type(error).__name__})") from error
        reply = _without(key, reply)
        if reply.status in {429, 503}:
            raise _Busy(reply)
        return reply

    async def _ask(self, call: Call, headers: dict[str, str]) -> Reply:
        async with self._client.stream(call.method, call.url, content=call.body, headers=headers) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._limit:
                    raise httpx.DecodingError("the answer is larger than MAX_BODY_BYTES")
            raw = tuple((name.lower(), value) for name, value in response.headers.raw)
            return Reply(
                response.status_code, bytes(body), Headers(((b":status", str(response.status_code).encode()), *raw))
            )


def _without(key: str, reply: Reply) -> Reply:
    """The reply without our key, should the provider quote it: what it says is kept, shown and exported."""
    secret = key.encode()
    if len(secret) < SHORTEST_KEY:
        return reply
    lines = tuple((name, value.replace(secret, b"...")) for name, value in reply.headers)
    return replace(reply, body=reply.body.replace(secret, b"..."), headers=Headers(lines))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Malformed("what should be the address of a provider is none") from None
    return parts.scheme, parts.hostname, port


def _retry_after(reply: Reply) -> float:
    """Retry-After in seconds (RFC 9110 §10.2.3), bounded; one second where there is none or it is a date."""
    value = reply.headers.get(b"retry-after") or b""
    return min(float(value), LONGEST_WAIT) if value.isdigit() and len(value) < 10 else 1.0  # noqa: PLR2004
