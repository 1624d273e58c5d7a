"""Each delivery that was believed for a signature, verified once more: stored bytes, stored key, the time of then."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime

from receiver.audit.findings import Report
from receiver.errors import Refused
from receiver.ledger.columns import header_lines
from receiver.ledger.trail_reading import SignedRow
from receiver.wire.provider import Provider
from receiver.wire.types import Delivery, Headers, Key, KeyKind, Kind, Trust

Stored = Callable[[str], bytes | None]
"""SHA-256 → the bytes in storage; None where they are not there."""


class Proofs:
    """`provider` finds one by its name, `trust` says what to verify with, `stored` reads a body from storage."""

    def __init__(
        self,
        provider: Callable[[str], Provider],
        trust: Callable[[Provider, tuple[Key, ...]], Trust],
        derived: Callable[[str, str], Iterable[bytes]],
        stored: Stored,
    ) -> None:
        self._provider, self._trust, self._derived, self._stored = provider, trust, derived, stored

    def check(self, rows: Iterable[SignedRow], report: Report, emptied: Collection[tuple[str, str]] = ()) -> None:
        """Bodies against their hashes, and signatures against their keys; of those `emptied` by a purge, neither."""
        for row in rows:
            if row.body is None and ("delivery", row.id) in emptied:
                report.looked("bodies purged")
                continue
            body = self._body(row, report)
            if body is not None and row.key_fingerprint is not None:
                self._signature(row, body, report)
            report.looked("bodies")

    def _body(self, row: SignedRow, report: Report) -> bytes | None:
        where = f"delivery {row.id}"
        body = row.body if row.body is not None else self._stored(row.body_sha256)
        if body is None:
            report.found("missing", where, f"its bytes are not in the storage as {row.body_sha256}")
            return None
        if hashlib.sha256(body).hexdigest() != row.body_sha256:
            report.found("changed", where, "its body has not the hash that was sealed")
            return None
        return body

    def _signature(self, row: SignedRow, body: bytes, report: Report) -> None:
        where = f"delivery {row.id}"
        try:
            provider = self._provider(row.provider)
            keys = self._keys(row)
            if not keys:
                report.looked("signatures whose key is not here any more")
                return
            at = _time(row.came_at)
            headers = Headers(header_lines(row.headers))
            delivery = Delivery(row.provider, Kind(row.kind), row.job_id, headers, body, at)
            found = provider.verify(delivery, self._trust(provider, keys), at)
            if found.key is None:
                report.found("forged", where, "it has no signature where this provider's stands by the settings of now")
        except Refused as refusal:
            report.found("forged", where, f"its signature does not verify: {refusal}")
        except Exception as error:  # noqa: BLE001  whatever a provider makes of what somebody wrote into the row
            report.found("changed", where, f"it cannot be verified: {error}")
        report.looked("signatures")

    def _keys(self, row: SignedRow) -> tuple[Key, ...]:
        """The very key that verified it then: a public one as seen, a shared secret by its fingerprint."""
        held = [row.public] if row.public is not None else self._derived(row.provider, row.job_id or "")
        kind = KeyKind.ED25519 if row.public is not None else KeyKind.HMAC
        found = (Key(str(row.key_id), kind, material, "stored") for material in held)
        return tuple(key for key in found if key.fingerprint == row.key_fingerprint)


def _time(text: str) -> datetime:
    """Raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)
