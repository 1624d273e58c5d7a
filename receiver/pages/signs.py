"""Glyph, word and tone of everything that can be said to have gone well or ill."""

from dataclasses import dataclass

from receiver.audit.provenance.credential import Credential
from receiver.ledger.views import DeliveryView, ImageView, JobView


@dataclass(frozen=True, slots=True)
class Sign:
    """Never a colour alone: the glyph and the word say the same. `tone` is a class of the style sheet."""

    glyph: str
    word: str
    tone: str


STATUS = {
    "pending": Sign("○", "pending", "waiting"),
    "submitted": Sign("○", "waiting", "waiting"),
    "succeeded": Sign("◐", "collecting", "collecting"),
    "delivered": Sign("●", "delivered", "delivered"),
    "failed": Sign("■", "failed", "failed"),
    "expired": Sign("■", "expired", "failed"),
    "cancelled": Sign("■", "cancelled", "waiting"),
}
"""The contract's status → how it is shown."""

OUT = ("pending", "submitted", "succeeded")
DEAD = Sign("■", "dead letter", "failed")
PURGED = Sign("○", "purged", "waiting")
HELD = Sign("●", "stored", "delivered")

BELIEVED = {
    "verified": Sign("●", "verified", "delivered"),
    "asked": Sign("●", "asked", "delivered"),
    "unsigned": Sign("○", "unsigned", "waiting"),
}
"""The verdicts of a delivery that was let in. Every other verdict is the slug of a refusal."""

CREDENTIALS = {
    "valid": Sign("●", "valid", "delivered"),
    "invalid": Sign("▲", "invalid", "refused"),
    "unreadable": Sign("▲", "unreadable", "refused"),
    "present": Sign("○", "present", "waiting"),
    "absent": Sign("○", "absent", "waiting"),
}
"""The states of a content credential. None is a fault of a delivery: they say what the file says of itself."""


def job_sign(job: JobView) -> Sign:
    if job.status == "succeeded" and job.stuck:
        return DEAD
    return STATUS.get(job.status, Sign("○", job.status, "waiting"))


def can_retry(job: JobView) -> bool:
    """Whether taking it up again may change anything: a dead letter, or an end that is not known for sure."""
    unsure = job.request_id is not None and job.status not in {"pending", "succeeded", "delivered"}
    return job.purged is None and (job.stuck or unsure)


def can_cancel(job: JobView) -> bool:
    return job.status in {"pending", "submitted"}


def image_sign(image: ImageView) -> Sign:
    return {"stored": HELD, "dead": DEAD}.get(image.state, STATUS["succeeded"])


def credential_sign(credential: Credential) -> Sign:
    return CREDENTIALS[credential.state]


def believed(delivery: DeliveryView) -> bool:
    return delivery.verdict in BELIEVED


def delivery_sign(delivery: DeliveryView) -> Sign:
    return BELIEVED.get(delivery.verdict) or Sign("▲", f"refused: {delivery.verdict}", "refused")


def way(delivery: DeliveryView) -> str:
    """How it reached us, in a person's word."""
    return {"hook": "callback"}.get(delivery.kind, delivery.kind)


def frame(image: ImageView) -> str:
    """How tall a picture is for its width, as a class of the style sheet: a tall one is kept within the window."""
    ratio = (image.height or 1) / (image.width or 1)
    steps = ((0.9, "wide"), (1.15, "square"), (1.6, "tall"))
    return next((name for limit, name in steps if ratio < limit), "tower")
