"""How a job climbs. Pure: the end state depends on which events came, never on their order or number."""

import enum
from collections.abc import Iterable

from receiver.wire.types import Event, Outcome


class Standing(enum.IntEnum):
    """How much is known of a job. A join: it only climbs, so repeats and reordering cannot matter.

    A late success climbs over expired, cancelled and failed: the picture was made and paid for, so it is kept.
    """

    PENDING = 0
    SUBMITTED = 10
    UNCLEAR = 20
    EXPIRED = 30
    CANCELLED = 40
    FAILED = 50
    SUCCEEDED = 60
    DELIVERED = 70


STATUS = {
    Standing.PENDING: "pending",
    Standing.SUBMITTED: "submitted",
    Standing.UNCLEAR: "submitted",
    Standing.EXPIRED: "expired",
    Standing.CANCELLED: "cancelled",
    Standing.FAILED: "failed",
    Standing.SUCCEEDED: "succeeded",
    Standing.DELIVERED: "delivered",
}

FINAL = frozenset({"delivered", "failed", "expired", "cancelled"})

_RISES_TO = {
    Outcome.PROGRESS: Standing.SUBMITTED,
    Outcome.UNCLEAR: Standing.UNCLEAR,
    Outcome.FAILED: Standing.FAILED,
    Outcome.MODERATED: Standing.FAILED,
    Outcome.SUCCEEDED: Standing.SUCCEEDED,
}


def advance(standing: Standing, event: Event, *, announced: int, expected: int) -> Standing:
    """The standing after `event`, when `announced` results (this event's included) of `expected` are known.

    Where results come one by one (each image names its place), success is reached with the last of them; where
    they come together, the one event is the whole answer, however many images the provider chose to give.
    A success that announces nothing is unclear.
    """
    rise = _RISES_TO[event.outcome]
    if rise is Standing.SUCCEEDED:
        one_by_one = any(image.place is not None for image in event.images)
        if not event.images:
            rise = Standing.UNCLEAR
        elif one_by_one and announced < expected:
            rise = Standing.SUBMITTED
    return max(standing, rise)


def settle(standing: Standing, stored: Iterable[bool]) -> Standing:
    """Delivered when the provider is done and every announced image is stored."""
    done = list(stored)
    if standing is Standing.SUCCEEDED and done and all(done):
        return Standing.DELIVERED
    return standing


def image_key(*, upload: bool, key: str, place: int | None) -> str:
    """What names a result within its job: its place where bytes are PUT to us (a PUT knows no more), else its key."""
    return str(place) if upload and place is not None else key
