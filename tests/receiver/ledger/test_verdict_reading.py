"""What stands behind a verdict: the good deliveries before it, and the key that made it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from receiver.ledger import verdict_reading
from receiver.ledger.arrivals import Arrival
from receiver.ledger.ledger import Ledger
from receiver.ledger.verdict_reading import KeySeen
from receiver.wire import schemes
from receiver.wire.types import Delivery, Headers, Key, KeyKind, Kind
from tests.receiver.ledger.ledgers import NOW, opened

KEY = Key("k", KeyKind.ED25519, b"\1" * 32, "https://keys", NOW)


async def test_the_good_ones_before_are_found(ledger: Ledger) -> None:
    """Of the same provider, verified and signed, at most five, the newest first; and the key behind each."""
    job_id, ids = await opened(ledger), []
    for n in range(7):
        at = NOW + timedelta(seconds=n)
        hook = Delivery("fal", Kind.HOOK, job_id, Headers(), str(n).encode(), at)
        signed: dict[str, Any] = {
            "scheme": "fal-ed25519",
            "key": KEY,
            "covers_body": True,
            "signed_at": at - timedelta(seconds=n),
        }
        verified = replace(schemes.capability(hook), **signed)
        ids.append((await ledger.record(Arrival(hook, verified))).delivery_id)
    last = (await ledger.delivery(str(ids[-1]))).view

    offsets = await verdict_reading.last_good(ledger, [last])
    keys = await verdict_reading.keys_of(ledger, [last])
    other = replace(last, provider="runware")

    assert [each.total_seconds() for each in offsets[last.id]] == [5, 4, 3, 2, 1]
    assert keys == {last.id: KeySeen("k", "ed25519", KEY.fingerprint, "https://keys", "01" * 32, NOW)}
    assert await verdict_reading.last_good(ledger, [other]) == {other.id: ()}


async def test_nothing_asked_is_nothing_read(ledger: Ledger) -> None:
    """A page without stale deliveries, and one whose deliveries no key verified, costs no look."""
    assert await verdict_reading.last_good(ledger, []) == {}
    assert await verdict_reading.keys_of(ledger, []) == {}
