"""Guarded download: one URL → one stored image, or the reason why not.

Straight on httpcore: it reads no environment (no proxies), keeps no cookies, follows no redirects and decodes
nothing, so there is nothing to switch off. No key of a provider is anywhere near.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpcore
import httpx

from receiver.dial import Dialer, Resolver, resolve
from receiver.errors import Permanent, Transient
from receiver.guard import Rules, Target
from receiver.storage.protocol import Storage, Stored
from receiver.wire.images import HEAD, sniff

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_MENDS_ITSELF = frozenset({408, 425, 429})
_OK = 200
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Fetched:
    """An image, downloaded and stored. `media_type` is what its first bytes say, `host` where it came from in the
    end, `ms` how long all of it took in milliseconds.
    """

    stored: Stored
    media_type: str
    host: str
    ms: int


class Fetcher:
    """Downloads within bounds; one for a process, closed at its end.

    `allowed` are the entries of IMAGE_HOSTS, `max_bytes` bounds a body, `timeout` a silence and `total` the whole
    download with its redirects (both in seconds). `trust` holds the certificates to believe, by default the usual
    ones. Raises Misconfigured.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[str] = (),
        max_bytes: int,
        timeout: float = 30,
        total: float = 120,
        user_agent: str = "proofhook",
        resolver: Resolver = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = Rules(allowed)
        self._max_bytes = max_bytes
        self._total = total
        self._extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)}
        self._user_agent = user_agent
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or httpx.create_ssl_context(),
            max_connections=None,
            keepalive_expiry=15,
            network_backend=Dialer(self._rules.names, resolver),
        )

    async def fetch(self, url: str, hosts: Sequence[str], storage: Storage) -> Fetched:
        """Fetches an image from a host on the provider's list `hosts`, or one that IMAGE_HOSTS names.

        Raises Permanent for what no attempt mends (host, address, too large, gone, not an image), Transient for
        what one may (time, connection, the server's trouble), StorageFull. Nothing is stored then.
        """
        started = time.monotonic()
        target = self._rules.target(url, hosts)
        try:
            async with asyncio.timeout(self._total):
                stored, media_type, last = await self._follow(target, hosts, storage)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise Transient(f"{target.authority} did not send the image in time") from error
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Transient(f"the connection to {target.authority} broke ({type(error).__name__})") from error
        return Fetched(stored, media_type, last.authority, round((time.monotonic() - started) * 1000))

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _follow(self, target: Target, hosts: Sequence[str], storage: Storage) -> tuple[Stored, str, Target]:
        for _ in range(1 + _MOST_REDIRECTS):
            async with self._pool.stream(
                "GET", _url(target), headers=self._headers(target), extensions=self._extensions
            ) as response:
                if response.status not in _REDIRECTS:
                    _acceptable(response, target)
                    return *await self._pour(response, target, storage), target
                location = _header(response, b"location").decode("latin-1")
            target = self._rules.target(target.join(location), hosts)
        raise Permanent(f"{target.authority}: more than {_MOST_REDIRECTS} redirects")

    async def _pour(self, response: httpcore.Response, target: Target, storage: Storage) -> tuple[Stored, str]:
        """The body into the storage. A body cut short is the connection's error: h11 counts against Content-Length."""
        self._fits(int(_header(response, b"content-length") or b"0"), target)
        head, count = b"", 0
        async with storage.writer() as writer:
            async for chunk in response.aiter_stream():
                count += len(chunk)
                self._fits(count, target)
                if len(head) < HEAD:
                    head += chunk[: HEAD - len(head)]
                    if len(head) == HEAD:
                        _known(head, target)
                await writer.write(chunk)
            media_type = _known(head, target)
            return await writer.commit(), media_type

    def _fits(self, count: int, target: Target) -> None:
        if count > self._max_bytes:
            raise Permanent(f"{target.authority} sends more than the {self._max_bytes} bytes of MAX_IMAGE_BYTES")

    def _headers(self, target: Target) -> list[tuple[str, str]]:
        # Accept says nothing: a list of types would invite the host to convert the original.
        identity = ("accept-encoding", "identity")
        return [("host", target.authority), ("accept", "*/*"), identity, ("user-agent", self._user_agent)]


def _url(target: Target) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )


def _acceptable(response: httpcore.Response, target: Target) -> None:
    if response.status in _MENDS_ITSELF or response.status >= _SERVER_ERRORS:
        raise Transient(f"{target.authority} answered {response.status}")
    if response.status != _OK:
        raise Permanent(f"{target.authority} answered {response.status}")
    if _header(response, b"content-encoding").lower() not in {b"", b"identity"}:
        raise Permanent(f"{target.authority} sent the image compressed, though asked not to")


def _header(response: httpcore.Response, name: bytes) -> bytes:
    """The value of the first header of that name, or nothing."""
    return next((value.strip() for key, value in response.headers if key.lower() == name), b"")


def _known(head: bytes, target: Target) -> str:
    media_type = sniff(head)
    if media_type is None:
        raise Permanent(f"{target.authority} sent no image of a type that we store")
    return media_type
