"""PUBLIC_URL as a provider sees it: address, name, certificate, redirects, proxy, and whether it leads to us."""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from receiver import outgoing, registry
from receiver.dial import is_public
from receiver.doctor import way
from receiver.doctor.check import Check, bad, good, unknown
from receiver.settings import Settings

PATIENCE = 4.0
"""Seconds for a name server, and for a handshake."""
SOON = timedelta(days=14)
"""A certificate that ends before is renewed by nobody, or should have been by now."""
MEND = "PUBLIC_URL: write the https address under which providers reach this receiver"


@dataclass(frozen=True, slots=True)
class Place:
    """Where PUBLIC_URL leads. `near`: every provider is a stand-in on this machine, so that loopback will do."""

    url: str
    scheme: str
    host: str
    port: int
    near: bool


async def checks(settings: Settings, trust: ssl.SSLContext, now: datetime, secrets: Sequence[bytes]) -> Sequence[Check]:
    """From the address inwards; where one step fails, those behind it are left out. `secrets` are our own."""
    parts = urlsplit(settings.public)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    place = Place(settings.public, parts.scheme, host, port, _all_near(settings))
    found = [_address(place)]
    addresses, named = await _name(place)
    found += [named] if host not in addresses else []  # an address needs no name server
    if not addresses:
        return found
    if place.scheme == "https":
        found.append(await _chain(place, trust, now))
    return [*found, *await way.checks(settings, trust, now, secrets)]


def _address(place: Place) -> Check:
    if place.near:
        return good("public URL", f"{place.url} will do: every provider is a stand-in on this machine")
    if _is_near(place.host):
        return bad("public URL", f"{place.url} is an address of this machine or network: no provider reaches it", MEND)
    if place.scheme != "https":
        return bad("public URL", f"{place.url} is not https: callback URLs hold secrets that all on the way see", MEND)
    return good("public URL", f"{place.url} is an https address")


async def _name(place: Place) -> tuple[Sequence[str], Check]:
    try:
        async with asyncio.timeout(PATIENCE):
            found = await _resolved(place.host, place.port)
    except (OSError, UnicodeError, TimeoutError):
        says, mend = f"{place.host} cannot be resolved", "make the DNS record, or mend PUBLIC_URL"
        return (), bad("DNS", says, mend)
    private = [address for address in found if not is_public(address)]
    if private and not place.near:
        says = f"{place.host} leads to {private[0]}, which is not an address of the public internet"
        return found, bad("DNS", says, "let the DNS record lead to the public address, as providers ask for it")
    return found, good("DNS", f"{place.host} leads to {', '.join(found[:4])}")


async def _resolved(host: str, port: int) -> Sequence[str]:
    """By a thread of its own, which nobody waits for at the end: a name server that is silent holds it for long."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(found: Sequence[str] | BaseException) -> None:
        if future.done():
            return
        if isinstance(found, BaseException):
            future.set_exception(found)
        else:
            future.set_result(found)

    def look() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found: Sequence[str] | BaseException = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except (OSError, UnicodeError) as error:
            found = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=look, name="doctor-dns", daemon=True).start()
    return await future


async def _chain(place: Place, trust: ssl.SSLContext, now: datetime) -> Check:
    """The certificate as strict clients see it: chain to a known root, name, and how long it is still good."""
    mend = f"renew or complete the certificate of {place.host}: the whole chain, leaf first"
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=trust, server_hostname=place.host)
    except ssl.SSLCertVerificationError as error:
        return bad("TLS", f"the certificate of {place.host} is not believed: {error.verify_message}", mend)
    except (OSError, TimeoutError) as error:
        return unknown("TLS", f"{place.host}, port {place.port}, did not shake hands ({type(error).__name__})", mend)
    held = writer.get_extra_info("peercert") or {}
    writer.transport.abort()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(held.get("notAfter"))), UTC)
    says = f"the certificate of {place.host} is good until {ends:%Y-%m-%d}"
    return good("TLS", says) if ends - now > SOON else bad("TLS", says, mend)


def _all_near(settings: Settings) -> bool:
    bases = (outgoing.base(settings, each) for each in registry.providers().values())
    return all(_is_near(urlsplit(base).hostname or "") for base in bases)


def _is_near(host: str) -> bool:
    """Whether the address itself says that it is of this machine or network; a name is looked up elsewhere."""
    try:
        return not is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host
