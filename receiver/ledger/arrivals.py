"""What `record` takes and gives: one delivery with all that was made of it before the transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from receiver.errors import Refused
from receiver.wire.types import Delivery, Event, Verified

SPILL_BYTES = 64 * 1024
"""A body above this stands in storage, named by its hash, and not in the row."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery with a good token (or an answer), believed or refused.

    `staged` maps an image's key (upload: its place) to the SHA-256 of bytes that storage already holds.
    `lifetime` is how long this provider's result URLs live. For an upload the body is the stored object itself:
    `body_sha256` and `body_bytes` name it. `past_us`: uploads go straight into storage, where nobody tells us of
    them, so the worker looks at once.
    """

    delivery: Delivery
    verified: Verified | None = None
    events: tuple[Event, ...] = ()
    staged: Mapping[str, str] = field(default_factory=dict)
    refusal: Refused | None = None
    lifetime: timedelta | None = None
    body_sha256: str = ""
    body_bytes: int = 0
    past_us: bool = False

    @property
    def body_hash(self) -> str:
        """SHA-256 of the body, in hex."""
        return self.body_sha256 or sha256(self.delivery.body)

    @property
    def verdict(self) -> str:
        """`verified`, `unsigned` (capability token only), `asked`, or the slug of the refusal."""
        if self.refusal is not None:
            return self.refusal.slug
        if self.verified is None:
            return "refused"
        if self.verified.scheme == "asked":
            return "asked"
        return "verified" if self.verified.covers_body else "unsigned"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the transaction found: a repeat, a refusal that only the ledger can see, or news."""

    delivery_id: str | None
    duplicate: bool = False
    refusal: Refused | None = None


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
