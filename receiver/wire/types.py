"""Values of the way in, in the order they appear: delivery, key, verified, event.

Pure, as all of `wire`: no I/O, no clock, no environment, no randomness.
"""

import enum
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from receiver.errors import MissingHeader


class Kind(enum.StrEnum):
    """How a delivery reached us: the provider called, put bytes, or answered a question."""

    HOOK = "hook"
    UPLOAD = "upload"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Headers:
    """Header lines as they came: names lower-case, values raw bytes, order and repeats kept.

    The answer to a question carries its HTTP status as the pseudo-header `:status`, as in RFC 9113 §8.3.2.
    """

    raw: tuple[tuple[bytes, bytes], ...] = ()

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.raw if key == name]

    def get(self, name: bytes) -> bytes | None:
        """The value when the header stands there exactly once; a repeated header is as good as none."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None

    def one(self, name: bytes) -> bytes:
        """The value of a header that must be there exactly once. Raises MissingHeader."""
        found = self.all(name)
        if len(found) != 1:
            how = "is missing" if not found else "stands there more than once"
            raise MissingHeader(f"the header {name.decode('latin-1')} {how}")
        return found[0]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self.raw)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One inbound request (or answer), as bytes; nothing in it is trusted yet.

    `job_id` comes from our own token or question, never from the body.
    """

    provider: str
    kind: Kind
    job_id: str | None
    headers: Headers
    body: bytes = field(repr=False)
    received_at: datetime

    @property
    def status(self) -> int:
        """The HTTP status of an answer; 0 where there is none."""
        value = self.headers.get(b":status") or b"0"
        return int(value) if value.isdigit() else 0


class KeyKind(enum.StrEnum):
    ED25519 = "ed25519"
    HMAC = "hmac"


@dataclass(frozen=True, slots=True)
class Key:
    """A verification key. `id` is a kid (a hint which key to try first) or a fingerprint, never a secret.

    `material`: 32 raw bytes for Ed25519, the shared secret as bytes for HMAC. `source` says where it came from.
    """

    id: str
    kind: KeyKind
    material: bytes = field(repr=False)
    source: str = ""
    seen_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the material, in hex: names a key without telling a secret."""
        return hashlib.sha256(self.material).hexdigest()


@dataclass(frozen=True, slots=True)
class Trust:
    """What we trust for one provider at one moment: keys, clock tolerance, and pins or names from the settings."""

    keys: tuple[Key, ...] = ()
    tolerance: timedelta = timedelta(seconds=300)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verified:
    """A delivery and the reason to believe it. Only `receiver.wire.schemes` makes one (a test holds this)."""

    delivery: Delivery
    scheme: str
    key: Key | None
    signed_at: datetime | None
    covers_body: bool


class Outcome(enum.StrEnum):
    PROGRESS = "progress"
    UNCLEAR = "unclear"
    FAILED = "failed"
    MODERATED = "moderated"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class Failure:
    """The provider's own code and message."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A result as announced: a URL to fetch, or the bytes themselves.

    `key` tells results of one job apart and is the same in a callback and in an answer: the index ("0", "1" …)
    where all results come together, Runware's imageUUID where each comes alone. `place` is the number of the
    upload place (Runware, one task per result) that belongs to this result, None elsewhere.
    """

    key: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    seed: str | None = None
    place: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What the provider says happened, in our words.

    `id` is the idempotency key within the job. `request_id` is the provider's name for the job.
    """

    id: str
    request_id: str
    outcome: Outcome
    images: tuple[ImageRef, ...] = ()
    error: Failure | None = None
    cost: Decimal | None = None
