"""What the setup page knows of a provider: from what it sent us, and never from a spending key."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from receiver.ledger.ledger import Ledger
from receiver.ledger.views import DeliveryView, JobView
from receiver.pages.signs import believed
from receiver.wire.provider import Provider

NEWEST = 20
"""Deliveries among which the last believed one is looked for."""


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What went to a provider and what came of it; `taken` is the newest job that it has accepted."""

    provider: Provider
    taken: JobView | None
    heard: DeliveryView | None
    refused: DeliveryView | None


async def correspondence(ledger: Ledger, provider: Provider) -> Correspondence:
    """Raises LedgerBusy."""
    jobs = await ledger.jobs(provider=provider.name, limit=NEWEST)
    came = await ledger.came_in(provider=provider.name, limit=NEWEST)
    refused = await ledger.came_in(provider=provider.name, verdict="refused", limit=1)
    return Correspondence(
        provider,
        next((job for job in jobs if job.submitted_at), None),
        next(filter(believed, came.deliveries), None),
        next(iter(refused.deliveries), None),
    )


def reach(public: str) -> str:
    """Why providers on the internet cannot reach an address; empty where nothing speaks against it."""
    parts = urlsplit(public)
    if _is_private(parts.hostname or ""):
        return "It is an address of this machine or its network: a provider on the internet cannot call it."
    if parts.scheme != "https":
        return "It is plain http: providers send what everyone on the way can read, and some refuse to."
    return ""


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host
