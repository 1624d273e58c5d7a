"""Where verification keys come from: a provider's key server (JWKS, RFC 7517), or our own per-job secrets.

The time is an argument. A key server is asked at most once a minute, whatever comes in: when its set is a day old
(or older than its own max-age), and once more when a delivery verifies with no key we hold. While it is down the
keys we have are served on; only when there are none is the delivery put off with KeysUnavailable.
"""

import asyncio
import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from receiver.errors import KeysUnavailable, Malformed
from receiver.log import get_logger
from receiver.wire import tokens
from receiver.wire.jwks import ed25519_keys
from receiver.wire.provider import Derived, Jwks, Provider
from receiver.wire.types import Key, KeyKind, Trust

if TYPE_CHECKING:
    import httpx

MAX_AGE = timedelta(hours=24)
MIN_AGE = timedelta(seconds=60)
COOLDOWN = timedelta(seconds=60)
NOTHING_FOR = timedelta(seconds=10)
"""How long "no keys" is an answer: a flood of garbage must not become a flood at the key server."""
MOST_BYTES = 256 * 1024
SECONDS = 5.0

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_DIRECT = ("127.0.0.1", "localhost", "[::1]")
_log = get_logger(__name__)


@dataclass(slots=True)
class _Shelf:
    """The keys of one URL; `tried_at` is the last attempt, good or bad."""

    keys: tuple[Key, ...] = ()
    fresh_until: datetime = _NEVER
    tried_at: datetime = _NEVER
    down: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Keyring:
    """`secrets` are our own keys, oldest to newest; `options` settings by name; a given client is not closed."""

    def __init__(
        self,
        secrets: Sequence[bytes],
        options: Mapping[str, str],
        tolerance: timedelta,
        client: "httpx.AsyncClient | None" = None,
    ) -> None:
        self._secrets = tuple(secrets)
        self._options = dict(options)
        self._tolerance = tolerance
        self._told: dict[str, dict[str, str]] = {}
        self._client = client
        self._owned = client is None
        self._shelves: dict[str, _Shelf] = {}

    async def trust(self, provider: Provider, job_id: str | None, now: datetime) -> Trust:
        """What to verify a delivery with. Raises KeysUnavailable when a key server is down and no key of it is held."""
        if isinstance(provider.keys, Jwks):
            return self._trust(provider, await self._held(provider.keys, now))
        if isinstance(provider.keys, Derived) and job_id is not None:
            return self._trust(provider, self._derived(provider.name, job_id))
        return self._trust(provider, ())

    async def refreshed(self, provider: Provider, job_id: str | None, now: datetime) -> Trust | None:  # noqa: ARG002
        """After an UnknownKey: what to verify with once more, None when nothing new is to be had (or not yet)."""
        if not isinstance(provider.keys, Jwks):
            return None
        shelf, url = self._shelf(provider.keys)
        before = {key.material for key in shelf.keys}
        async with shelf.lock:  # those who miss together wait for one fetch
            if now - shelf.tried_at >= COOLDOWN:
                await self._refill(shelf, url, now)
        new = any(key.material not in before for key in shelf.keys)
        return self._trust(provider, shelf.keys) if new else None

    def rotated(self, secrets: Sequence[bytes]) -> None:
        """From now on these are our own keys, oldest to newest."""
        self._secrets = tuple(secrets)

    async def aclose(self) -> None:
        if self._owned and self._client is not None:
            await self._client.aclose()
            self._client = None

    def _trust(self, provider: Provider, keys: tuple[Key, ...]) -> Trust:
        options = self._told.get(provider.name)
        if options is None:
            options = {name: self._options[name] for name in provider.options if self._options.get(name)}
            self._told[provider.name] = options
        return Trust(keys=keys, tolerance=self._tolerance, options=options)

    def _derived(self, provider: str, job_id: str) -> tuple[Key, ...]:
        found = [secret.encode() for secret in reversed(tokens.secrets(self._secrets, provider, job_id))]
        return tuple([Key(_derived_id(secret), KeyKind.HMAC, secret, "derived") for secret in found])

    def _shelf(self, source: Jwks) -> tuple[_Shelf, str]:
        """The shelf and its URL. Raises KeysUnavailable for a built-in URL that is neither https nor loopback."""
        given = self._options.get(source.setting)
        url = given or source.url
        if not given and not _safe(url):
            raise KeysUnavailable(f"the keys are not at an https address: set {source.setting}")
        return self._shelves.setdefault(url, _Shelf()), url

    async def _held(self, source: Jwks, now: datetime) -> tuple[Key, ...]:
        shelf, url = self._shelf(source)
        if now >= shelf.fresh_until and not (shelf.keys and shelf.lock.locked()):
            async with shelf.lock:
                rest = COOLDOWN if shelf.keys else NOTHING_FOR
                if now >= shelf.fresh_until and now - shelf.tried_at >= rest:
                    await self._refill(shelf, url, now)
        if not shelf.keys:
            raise KeysUnavailable("the key server does not answer, and no key of it is held")
        return shelf.keys

    async def _refill(self, shelf: _Shelf, url: str, now: datetime) -> None:
        """Ask the key server; on failure keep what there is, and say so once."""
        try:
            keys, age = await self._fetch(url, now)
        except (TimeoutError, Malformed) as error:
            if not shelf.down:
                why = str(error) or "no answer in time"
                _log.warning("keys.unavailable", host=_host(url), reason=why, held=len(shelf.keys))
            shelf.down, shelf.tried_at = True, now
            return
        if shelf.down:
            _log.info("keys.back", host=_host(url), held=len(keys))
        shelf.keys, shelf.down, shelf.tried_at, shelf.fresh_until = keys, False, now, now + age

    async def _fetch(self, url: str, now: datetime) -> tuple[tuple[Key, ...], timedelta]:
        """Raises Malformed where no key set was to be had, TimeoutError where nothing was in time."""
        # not imported at the start, where most processes need none of it, and not in the event loop
        httpx = await asyncio.to_thread(import_module, "httpx")
        try:
            return await self._ask(url, now)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Malformed(type(error).__name__) from error

    async def _ask(self, url: str, now: datetime) -> tuple[tuple[Key, ...], timedelta]:
        if self._client is None:
            import httpx  # noqa: PLC0415  see _fetch

            # A proxy from the environment may lead to a provider, never to ourselves.
            direct = {f"all://{host}": None for host in _DIRECT}
            self._client = httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, mounts=direct)
        plain = {"accept": "application/json", "accept-encoding": "identity"}  # a compressed body would hide its size
        body = bytearray()
        async with (
            asyncio.timeout(SECONDS),
            self._client.stream("GET", url, headers=plain, follow_redirects=False) as answer,
        ):
            if answer.status_code != HTTPStatus.OK:
                raise Malformed(f"it answered with status {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise Malformed("it answered compressed")
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise Malformed("it answered with too many bytes")
        return ed25519_keys(bytes(body), url, now), _age(answer.headers.get("cache-control", ""))


def _derived_id(secret: bytes) -> str:
    return f"derived:{hashlib.sha256(secret).hexdigest()[:8]}"


def _age(cache_control: str) -> timedelta:
    """How long a set is fresh: its max-age (RFC 9111 §5.2.2.1), between a minute and a day."""
    match = re.search(r"(?:^|[\s,])max-age=([0-9]{1,9})", cache_control.lower())
    return min(max(timedelta(seconds=int(match[1])), MIN_AGE), MAX_AGE) if match else MAX_AGE


def _safe(url: str) -> bool:
    if url.startswith("https://"):
        return True
    try:
        return _host(url) == "localhost" or ipaddress.ip_address(_host(url)).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
