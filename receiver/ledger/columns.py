"""The columns that `record` reads and writes, named once for every backend, in the order of its statements."""

from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from typing import Any

from receiver.errors import Refused
from receiver.ledger.arrivals import Arrival
from receiver.wire.types import Key

JOB_READ = (
    "id", "provider", "standing", "status", "request_id", "expected", "upload", "cost_usd", "error_code",
    "error_message", "submitted_at", "finished_at", "delivered_at", "ask_at",
)  # fmt: skip
JOB_WRITE = (
    "standing", "status", "cost_usd", "error_code", "error_message", "submitted_at", "finished_at", "delivered_at",
    "ask_at",
)  # fmt: skip
JOB_ADOPTED = ("request_id",)
"""Has an index of its own, which SQLite would write anew for each job that is written, though it seldom changes."""
IMAGE = (
    "job_id", "key", "n", "announced_at", "url", "seed", "cost_usd", "expires_at", "staged_sha256", "staged_by",
    "sha256",
)  # fmt: skip
IMAGE_FRESH = IMAGE[:-1]
IMAGE_WRITE = ("url", "seed", "cost_usd", "expires_at", "staged_sha256", "staged_by")
TASK = ("job_id", "image_key", "due_at", "expires_at", "attempts", "dead_at")
TASK_FRESH = TASK[:-1]
TASK_WRITE = ("due_at", "expires_at", "attempts", "dead_at")
EVENT = ("job_id", "event_id", "delivery_id", "outcome", "cost_usd", "recorded_at")
DELIVERY = (
    "id", "received_at", "provider", "job_id", "kind", "verdict", "reason", "scheme", "key_id", "key_fingerprint",
    "signed_at", "headers", "body", "body_sha256", "body_bytes", "repeats",
)  # fmt: skip
UNSEALED = ("kind", "ref")
KEY = ("fingerprint", "key_id", "kind", "public", "source", "seen_at")

job_written = itemgetter(*JOB_WRITE, "id")
job_adopted = itemgetter(*JOB_ADOPTED, "id")
image_fresh = itemgetter(*IMAGE_FRESH)
image_written = itemgetter(*IMAGE_WRITE, "job_id", "key")
task_fresh = itemgetter(*TASK_FRESH)
task_written = itemgetter(*TASK_WRITE, "job_id", "image_key")

Moment = Callable[[datetime], Any]


def delivery_row(
    delivery_id: str, received_at: Any, arrival: Arrival, refusal: Refused | None, moment: Moment
) -> tuple[Any, ...]:
    """A delivery as it is written down. Of an upload (or a body over 64 KiB) the bytes are in storage, by hash.

    `received_at` is in the database's own form already.
    """
    delivery, verified = arrival.delivery, arrival.verified
    signer = verified.key if verified else None
    signed_at = verified.signed_at if verified else None
    reason = str(refusal) if refusal else None
    return (
        delivery_id,
        received_at,
        delivery.provider,
        delivery.job_id,
        delivery.kind.value,
        refusal.slug if refusal else arrival.verdict,
        arrival.redelivery.told(reason) if arrival.redelivery else reason,
        verified.scheme if verified else None,
        signer.id if signer else None,
        signer.fingerprint if signer else None,
        moment(signed_at) if signed_at else None,
        pack(delivery.headers.raw),
        None if arrival.body_sha256 else delivery.body,
        arrival.body_hash,
        arrival.body_bytes or len(delivery.body),
        0,
    )


def key_row(key: Key, moment: Moment) -> tuple[Any, ...]:
    """A public key as seen: material, where it came from, and when."""
    seen_at = moment(key.seen_at) if key.seen_at else None
    return (key.fingerprint, key.id, key.kind.value, key.material, key.source, seen_at)


def pack(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Header lines as bytes, `name: value` and LF each, as they came: no value can hold a line end (RFC 9110 §5.5)."""
    return b"".join([b"%b: %b\n" % line for line in headers])


def unpack(packed: bytes) -> tuple[tuple[str, str], ...]:
    """What `pack` wrote, as text; Latin-1 maps every byte to one character and back."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in header_lines(packed))


def header_lines(packed: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """What `pack` wrote, as it came."""
    lines = (line.partition(b": ") for line in packed.split(b"\n")[:-1])
    return tuple((name, value) for name, _, value in lines)
