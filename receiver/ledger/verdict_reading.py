"""What stands behind a verdict: the key that made it, and how far off the clock the good ones before it were."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from receiver.ledger import tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.views import DeliveryView

LOOKED_AT = 500
"""Deliveries before one that are looked through for good ones: an index for it would cost every delivery."""
GOOD = 5


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A key as it was seen when it verified something; `public` is hex, None of a shared secret."""

    key_id: str
    kind: str
    fingerprint: str
    source: str
    public: str | None
    seen_at: datetime | None


async def keys_of(ledger: Ledger, deliveries: Iterable[DeliveryView]) -> dict[str, KeySeen]:
    """Delivery id → the key that verified it; none where none did, or only its name is known. Raises LedgerBusy."""
    ids = [each.id for each in deliveries if each.key_id is not None]
    return await ledger.read(lambda c: _keys(c, ids)) if ids else {}


async def last_good(ledger: Ledger, deliveries: Iterable[DeliveryView]) -> dict[str, tuple[timedelta, ...]]:
    """Delivery id → received - signed of at most GOOD verified ones of its provider before it, the newest first.

    Raises LedgerBusy.
    """
    asked = list(deliveries)
    return await ledger.read(lambda c: {each.id: _offsets(c, each) for each in asked}) if asked else {}


def _keys(connection: Connection, ids: list[str]) -> dict[str, KeySeen]:
    key, delivery = tables.key.c, tables.delivery.c
    both = tables.key.join(tables.delivery, key.fingerprint == delivery.key_fingerprint)
    columns = (key.key_id, key.kind, key.fingerprint, key.source, key.public, key.seen_at)
    rows = connection.execute(select(delivery.id, *columns).select_from(both).where(delivery.id.in_(ids)))
    return {
        row.id: KeySeen(*row[1:5], row.public.hex() if row.public is not None else None, row.seen_at) for row in rows
    }


def _offsets(connection: Connection, delivery: DeliveryView) -> tuple[timedelta, ...]:
    row = tables.delivery.c
    columns = select(row.id, row.provider, row.verdict, row.received_at, row.signed_at)
    near = columns.where(row.id < delivery.id).order_by(row.id.desc()).limit(LOOKED_AT).subquery().c
    good = (near.provider == delivery.provider) & (near.verdict == "verified") & near.signed_at.is_not(None)
    query = select(near.received_at, near.signed_at).where(good).order_by(near.id.desc()).limit(GOOD)
    return tuple(found.received_at - found.signed_at for found in connection.execute(query))
