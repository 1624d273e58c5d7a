"""Glyph, word and tone of everything that can be said to have gone well or ill, and what to do where it went ill."""

from dataclasses import dataclass

from receiver.audit.provenance.credential import Credential
from receiver.ledger.views import DeliveryView, ImageView, JobView
from receiver.pages.words import size
from receiver.settings import Settings


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

REFUSALS = {
    "bad_signature": "No key we trust made this signature over these bytes. A proxy that rewrites headers or body does "
    "this; so does a sender that is not the provider.",
    "stale_timestamp": "Compare this machine's clock with a time server. If the clock is right, the sender repeated an "
    "old delivery; TIMESTAMP_TOLERANCE ({timestamp_tolerance} s) says how old one may be.",
    "missing_header": "A proxy in front may drop or double the header. If none does, the sender does not sign: it is "
    "not the provider.",
    "unknown_key": "The sender signed with a key we do not hold. After a rotation of PROOFHOOK_SECRET keep the old key "
    "in the list until its jobs are done.",
    "malformed": "The body is not what this provider's documents describe. The bytes are kept. "
    "The provider can be asked instead: `proofhook retry {job_id}`",
    "wrong_request": "A believable delivery, but of another job. Nothing is lost: the job that it belongs to has a URL "
    "of its own.",
    "too_large": "Raise MAX_BODY_BYTES ({max_body_bytes}) for callbacks or MAX_IMAGE_BYTES ({max_image_bytes}) for "
    "uploads, then take the job up again: `proofhook retry {job_id}`",
    "not_an_image": "Only JPEG, PNG, WebP and GIF are stored, told by their first bytes.",
}
"""Slug → why this happens, and what to change."""


def job_sign(job: JobView) -> Sign:
    if job.status == "succeeded" and job.stuck:
        return DEAD
    return STATUS.get(job.status, Sign("○", job.status, "waiting"))


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


def mend(delivery: DeliveryView, settings: Settings) -> str:
    """What to change so that the next one is let in; empty where there is nothing to say."""
    return REFUSALS.get(delivery.verdict, "").format(
        timestamp_tolerance=settings.timestamp_tolerance,
        max_body_bytes=size(settings.max_body_bytes),
        max_image_bytes=size(settings.max_image_bytes),
        id=delivery.id,
        job_id=delivery.job_id,
    )


def frame(image: ImageView) -> str:
    """How tall a picture is for its width, as a class of the style sheet: a tall one is kept within the window."""
    ratio = (image.height or 1) / (image.width or 1)
    steps = ((0.9, "wide"), (1.15, "square"), (1.6, "tall"))
    return next((name for limit, name in steps if ratio < limit), "tower")
