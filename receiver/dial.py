"""Connections to checked addresses only.

A name is resolved once for each connection, every answer is checked, and the connection goes to an address that was
checked: a name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore

from receiver.errors import Permanent, Transient

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → every address of it, as text, best first. Raises Transient."""


def _nets(*names: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(name) for name in names)


# RFC 4291 §2.4: outside it are mapped IPv4 and NAT64 (which lead to any IPv4 address), local and multicast ones.
_UNICAST = _nets("2000::/3", "0.0.0.0/0")
# Global by the registry, but leading elsewhere: IETF protocol assignments (Teredo among them), 6to4 and its relay,
# documentation (RFC 9637), and Azure's host agent.
_NOT_PUBLIC = _nets("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
_PRIVATE = _nets("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "::1/128", "fc00::/7")
# Where clouds hand out credentials, within private ranges (169.254.169.254 is link-local and so in neither list).
_METADATA = _nets("100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32")


def is_public(address: str) -> bool:
    """Whether it is a plain unicast address of the public internet."""
    parsed = _parse(address)
    if parsed is None or not parsed.is_global or parsed.is_multicast:
        return False
    return any(parsed in net for net in _UNICAST) and not any(parsed in net for net in _NOT_PUBLIC)


def is_private(address: str) -> bool:
    """Whether it is an address of this machine or of a private network, and no metadata service."""
    parsed = _parse(address)
    if parsed is None:
        return False
    return any(parsed in net for net in _PRIVATE) and not any(parsed in net for net in _METADATA)


async def resolve(host: str, port: int) -> Sequence[str]:
    """The system's resolver. Raises Transient."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Transient(f"{host} cannot be resolved") from error
    return [str(entry[4][0]) for entry in found]


class Dialer(httpcore.AsyncNetworkBackend):
    """A network backend for httpcore. `private` says for which host and port a private address will do.

    TLS still names and checks the host: only the address is ours. Raises Permanent when any answer is refused
    (a mixed answer is an attack or a mistake), Transient when there is none.
    """

    def __init__(
        self,
        private: Callable[[str, int], bool],
        resolver: Resolver = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._private = private
        self._resolve = resolver
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async with asyncio.timeout(timeout):
            addresses = await self._addresses(host, port)
        share = timeout and timeout / len(addresses)
        failed: Exception | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise Transient(f"{host} takes no connection") from failed

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._resolve(host, port)
        if not addresses:
            raise Transient(f"{host} has no address")
        private = self._private(host, port)
        if all(is_public(address) or (private and is_private(address)) for address in addresses):
            return addresses
        raise Permanent(f"{host} stands at an address that is not public; see IMAGE_HOSTS")


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
