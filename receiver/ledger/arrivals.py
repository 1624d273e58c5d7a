"""What `record` takes and gives: one delivery with all that was made of it before the transaction."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.errors import Refused
from receiver.wire.types import Delivery, Event, Verified

SPILL_BYTES = 64 * 1024
"""A body above this stands in storage, named by its hash, and not in the row."""


_REDELIVERY = re.compile(r"(?:^|; )redelivery of ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z")


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Which delivery is run once more, by its id, and when it came: clocks and lifetimes count from there."""

    of: str
    received_at: datetime

    def told(self, reason: str | None) -> str:
        """A delivery's reason that says so, too: it is sealed with the delivery, and `redelivered` finds it there."""
        return f"{reason}; redelivery of {self.of}" if reason else f"redelivery of {self.of}"


def redelivered(reason: str | None) -> str | None:
    """The id of the delivery that was run once more, from the reason; None for what came by itself."""
    found = _REDELIVERY.search(reason) if reason else None
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery with a good token (or an answer), believed or refused.

    `staged` maps an image's key (upload: its place) to the SHA-256 of bytes that storage already holds.
    `lifetime` is how long this provider's result URLs live. For an upload the body is the stored object itself:
    `body_sha256` and `body_bytes` name it. `past_us`: uploads go straight into storage, where nobody tells us of
    them, so the worker looks at once. `redelivery`: it came before, and a person had it run again.
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
    redelivery: Redelivery | None = None

    @property
    def came_at(self) -> datetime:
        """When the provider spoke: of a redelivery that is not now."""
        return self.redelivery.received_at if self.redelivery else self.delivery.received_at

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
