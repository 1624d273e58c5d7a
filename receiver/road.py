"""One road for push, poll and upload: keys → verify → parse → record. Whatever arrives, it arrives here.

hook    token good → verify → parse ─┐
answer  asked over TLS → hear ───────┼→ (a hint? ask first) → inline bytes to storage → record
upload  bytes stored by their hash ──┘
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter

from receiver.errors import Refused, UnknownKey
from receiver.keyring import Keyring
from receiver.ledger.arrivals import SPILL_BYTES, Arrival, Recorded, Redelivery
from receiver.ledger.ledger import Ledger
from receiver.rotation import Rotation
from receiver.settings import Settings
from receiver.storage import Storage, Stored, open_storage
from receiver.tally import Tally
from receiver.wire import schemes
from receiver.wire.provider import Provider
from receiver.wire.types import Delivery, Event, ImageRef, Outcome, Verified


@dataclass(frozen=True, slots=True)
class Road:
    """What a delivery meets on its way; `clock` gives aware UTC."""

    settings: Settings
    ledger: Ledger
    storage: Storage
    keyring: Keyring
    clock: Callable[[], datetime]
    rotation: Rotation | None = None
    tally: Tally = field(default_factory=Tally)

    def rotated(self) -> bool:
        """Whether there are secrets of ours now that were not there before: then a token may be good after all."""
        if self.rotation is None or not self.rotation.taken_up():
            return False
        self.keyring.rotated(self.settings.secrets)
        return True

    async def aclose(self) -> None:
        """Write what waits and let go."""
        await self.keyring.aclose()
        self.ledger.close()

    async def hook(self, provider: Provider, delivery: Delivery, again: Redelivery | None = None) -> Recorded:
        """A callback whose token is good. A refusal is in what comes back, and written down; TryLater is raised.

        `again`: a stored one is run once more, by the clock of when it came.
        """
        verified, at = None, again.received_at if again else delivery.received_at
        began = perf_counter()
        try:
            verified = await self._verified(provider, delivery, at)
            events = provider.parse(verified)
        except Refused as refusal:
            return await self._keep(Arrival(delivery, verified, refusal=refusal, redelivery=again))
        self.tally.verify.append(perf_counter() - began)
        return await self.believed(provider, verified, events, again)

    async def believed(
        self, provider: Provider, verified: Verified, events: tuple[Event, ...], again: Redelivery | None = None
    ) -> Recorded:
        """Record what a callback or an answer says; an unsigned word of a provider that wants asking is a hint only."""
        if not verified.covers_body and (provider.confirm or provider.name in self.settings.confirm_unsigned):
            events = tuple(map(_hint, events))
        staged = {}
        for ref in [ref for event in events for ref in event.images if ref.data]:
            staged[ref.key] = (await self.storage.put(ref.data or b"")).sha256
        past_us = self.settings.uploads_to == "storage"
        told = Arrival(
            verified.delivery, verified, events, staged=staged, lifetime=provider.lifetime, past_us=past_us,
            redelivery=again,
        )  # fmt: skip
        return await self._keep(told)

    async def refused(
        self, delivery: Delivery, refusal: Refused, declared_bytes: int = 0, again: Redelivery | None = None
    ) -> Recorded:
        """Write down a delivery that was turned away before it was read."""
        return await self._keep(Arrival(delivery, refusal=refusal, body_bytes=declared_bytes, redelivery=again))

    async def upload(self, provider: Provider, delivery: Delivery, place: int, stored: Stored) -> Recorded:
        """Bytes that were PUT to us and are in storage: the result of one place is here."""
        key = str(place)
        event = Event(
            id=f"upload:{key}:{stored.sha256}",
            request_id=delivery.job_id or "",
            outcome=Outcome.SUCCEEDED,
            images=(ImageRef(key=key, place=place),),
        )
        arrival = Arrival(
            delivery,
            schemes.capability(delivery),
            (event,),
            staged={key: stored.sha256},
            lifetime=provider.lifetime,
            body_sha256=stored.sha256,
            body_bytes=stored.bytes,
        )
        return await self.ledger.record(arrival)

    async def _verified(self, provider: Provider, delivery: Delivery, at: datetime) -> Verified:
        """Verify as of `at` with the keys we hold; when none of them signed this, once more with freshly fetched ones.

        Keys are those of now in any case: a key that we did not know then may be known by now.
        """
        trust = await self.keyring.trust(provider, delivery.job_id, delivery.received_at)
        try:
            return provider.verify(delivery, trust, at)
        except UnknownKey:
            fresh = await self.keyring.refreshed(provider, delivery.job_id, delivery.received_at)
            if fresh is None:
                raise
            return provider.verify(delivery, fresh, at)

    async def _keep(self, arrival: Arrival) -> Recorded:
        """A large body goes to storage by its hash, so that the ledger stays small; then the one transaction."""
        body = arrival.delivery.body
        if len(body) > SPILL_BYTES:
            stored = await self.storage.put(body)
            light = replace(arrival.delivery, body=b"")
            arrival = replace(arrival, delivery=light, body_sha256=stored.sha256, body_bytes=stored.bytes)
        began = perf_counter()
        recorded = await self.ledger.record(arrival)
        self.tally.recorded(perf_counter() - began)
        return recorded


def open_road(settings: Settings, clock: Callable[[], datetime] | None = None) -> Road:
    """Open what the settings name. Raises Misconfigured."""
    keyring = Keyring(settings.secrets, settings.options, settings.tolerance)
    storage = open_storage(settings.storage_url, settings.account)
    return Road(settings, Ledger(settings.database_url), storage, keyring, clock or _now, Rotation(settings))


def _now() -> datetime:
    return datetime.now(UTC)


def _hint(event: Event) -> Event:
    """What nobody signed may be forged: it only makes us ask. Progress claims nothing, so it may pass."""
    if event.outcome is Outcome.PROGRESS:
        return event
    return Event(id=f"hint:{event.id}", request_id=event.request_id, outcome=Outcome.UNCLEAR)
