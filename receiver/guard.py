"""Which URLs a download may go to. `dial.py` then sees to the addresses behind them.

Each hop is parsed once, by one strict pattern, and the parts that were checked are the parts that are used: no second
parser can read the URL another way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

from receiver.errors import Misconfigured, Permanent

_HOST = r"(?P<host>(?:[a-z0-9_-]{1,63}\.)*[a-z0-9-]{1,63}|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
# What RFC 3986 §3.3 and §3.4 write a path and a query with, and the few more that everyone accepts.
_VISIBLE = r"[^\x00-\x20\x7f-\U0010ffff\\#"
_ENTRY = re.compile(_HOST)
_URL = re.compile(
    rf"(?P<scheme>https?)://{_HOST}(?P<path>(?:/{_VISIBLE}?]*)?)(?P<query>(?:\?{_VISIBLE}]*)?)(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST = 8192
_PORTS = {"https": 443, "http": 80}
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """One hop, taken apart. `path` is the request target with its query, which may hold a signature: not shown."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110 §7.2), and what messages call this hop."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def join(self, location: str) -> str:
        """The URL that a Location header on this hop means (RFC 9110 §10.2.2). Raises Permanent for no URL at all."""
        try:
            return urljoin(f"{self.scheme}://{self.authority}{self.path}", location)
        except ValueError:
            raise Permanent(f"{self.authority} redirects to what is no URL") from None


class Rules:
    """The host rules. `allowed` are the entries of IMAGE_HOSTS: `host` (ports 80 and 443) or `host:port` (only that).

    A host named there may be plain http and, on a port named there, may stand at a private address. All others must
    be on the provider's own list, with https and on port 443. Raises Misconfigured.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._named = frozenset(pair for entry in allowed for pair in _entry(entry))

    def names(self, host: str, port: int) -> bool:
        """Whether IMAGE_HOSTS names this host, for this port."""
        return (host, port) in self._named

    def target(self, url: str, hosts: Sequence[str]) -> Target:
        """The URL, taken apart, if it may be fetched. Raises Permanent, which shows no more of it than the host."""
        target = _parse(url)
        if self.names(target.host, target.port):
            return target
        if not any(_matches(target.host, pattern) for pattern in hosts):
            raise Permanent(f"{target.authority} is not a host that this provider's images come from; see IMAGE_HOSTS")
        if (target.scheme, target.port) != ("https", _PORTS["https"]):
            raise Permanent(f"{target.authority} must be fetched with https on port 443, unless IMAGE_HOSTS names it")
        return target


def _parse(url: str) -> Target:
    found = _URL.fullmatch(url) if len(url) <= _LONGEST else None
    if found is None:
        raise Permanent("not a URL that we fetch: http or https, a plain host name, no user name, no odd characters")
    scheme = found["scheme"].lower()
    port = int(found["port"] or _PORTS[scheme])
    return Target(scheme, _bare(found["host"]), port, (found["path"] or "/") + found["query"])


def _entry(entry: str) -> set[tuple[str, int]]:
    found = _ENTRY.fullmatch(entry.strip().lower())
    ports = _PORTS.values() if found is None or found["port"] is None else [int(found["port"])]
    if found is None or not all(0 < port <= _LAST_PORT for port in ports):
        raise Misconfigured("IMAGE_HOSTS: write host or host:port, separated by commas; [::1]:8000 for IPv6")
    return {(_bare(found["host"]), port) for port in ports}


def _bare(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]")


def _matches(host: str, pattern: str) -> bool:
    """`*.fal.media` means any name below fal.media, not fal.media itself."""
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
