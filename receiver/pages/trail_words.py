"""The evidence in words. Pure."""

from datetime import datetime

from receiver.ledger.trail_glance import TrailView
from receiver.pages.words import ago, many

KINDS = {
    "order": "an order, before the provider was called",
    "delivery": "a request that came in",
    "key": "a key that verified a signature",
    "event": "what a delivery said had happened",
    "image": "a stored image",
    "end": "a job's end",
    "purge": "a purge",
    "stamp": "a timestamp of a checkpoint",
}
"""Kind of an entry → what it is of."""


def of_trail(trail: TrailView, now: datetime) -> str:
    """What is sealed, and what waits."""
    if not trail.signed:
        waits = f" {_waiting(trail)}" if trail.unsealed else ""
        return f"Nothing is signed yet.{waits}"
    behind = trail.entries - trail.signed.entries
    later = f"; {many(behind, 'came', 'came')} since" if behind > 0 else ""
    waits = f" {_waiting(trail)}" if trail.unsealed else " Nothing waits to be sealed."
    when = ago(trail.signed.at, now)
    sealed = many(trail.signed.entries, "entry is", "entries are")
    return f"{sealed} sealed and signed, the last time {when}{later}.{waits}"


def note_text(trail: TrailView) -> str:
    """The last checkpoint's note as it is; what is no UTF-8 in it is shown as �."""
    return trail.signed.note.decode("utf-8", "replace") if trail.signed else ""


def _waiting(trail: TrailView) -> str:
    return f"{many(trail.unsealed, 'line waits', 'lines wait')} in the sealer's queue."
