"""Slug of a refusal → what happened, and what to do so that the next one is let in. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from receiver.ledger.views import DeliveryView
from receiver.pages.words import size, span
from receiver.settings import Settings

REFUSALS = {
    "bad_signature": "These headers and this body are not what {provider} signed. A proxy that rewrites the body or a "
    "header does this; so does a sender that is not {provider}. Have the proxy pass the bytes on as they came.",
    "stale_timestamp": "",  # said by the clock, see below
    "missing_header": "{provider} sends this header once with every callback. A proxy in front may drop it or double "
    "it: let it pass as it came. If there is no proxy, the sender is not {provider}.",
    "unknown_key": "None of the keys that we hold for {provider} made this signature. After a rotation of "
    "PROOFHOOK_SECRET keep the old secret in the list until its jobs are done.",
    "malformed": "The body is not what {provider}'s documents describe, and its bytes are kept. If the job has no end "
    "yet, {provider} can be asked instead: `proofhook retry {job_id}`",
    "wrong_request": "Believable, but about another request than this job's: the job stays as it is. The job that it "
    "belongs to has a URL of its own; see that nobody hands one job's callback URL out with another.",
    "too_large": "Raise MAX_BODY_BYTES ({max_body_bytes}) if {provider} means to send so much, then take the job up "
    "again: `proofhook retry {job_id}`",
    "not_an_image": "Only JPEG, PNG, WebP and GIF are stored, told by their first bytes. Order one of these formats, "
    "and see that nothing in between answers in the picture's place.",
    "refused": "It was turned away, and no more is known of why. If the job has no end yet, {provider} can be asked: "
    "`proofhook retry {job_id}`",
    "unknown_endpoint": "No URL of ours: nothing of it is kept. See that PUBLIC_URL is this house, and that its "
    "PROOFHOOK_SECRET still holds the secret that the job was sent with.",
}
"""What to do, by slug. Every Refused of receiver/errors.py is here; the other errors never become a delivery."""

WRITTEN = tuple(sorted({*REFUSALS} - {"refused", "unknown_endpoint"}))
"""The slugs that a delivery is written down with."""

BY_KIND = {
    ("wrong_request", "upload"): "This place of the job is filled with other bytes, and the first ones stay. Each URL "
    "takes one picture: see that the sender does not use one for two results.",
    ("too_large", "upload"): "Raise MAX_IMAGE_BYTES ({max_image_bytes}), then take the job up again: "
    "`proofhook retry {job_id}`",
    ("malformed", "answer"): "What {provider} answered is not what its documents describe. It is asked again by "
    "itself until the deadline; at once with `proofhook retry {job_id}`",
}
BY_PROVIDER = {
    ("unknown_key", "fal"): "fal names no key in its callbacks, so a changed body or header looks like this, too. Have "
    "a proxy in front pass the bytes on as they came; if there is none, the sender is not fal. New keys are fetched "
    "by themselves from FAL_JWKS_URL.",
    ("bad_signature", "fal"): "Either the signature is no signature at all, or it is of another fal account than "
    "FAL_USER_ID: compare that with x-fal-webhook-user-id in its headers.",
    ("bad_signature", "fireworks"): "A proxy may have rewritten the body. If there is none, Fireworks signs in another "
    "way than FIREWORKS_SIGNATURE_HEADER and FIREWORKS_SIGNATURE_FORM say; the picture is asked for all the same.",
}
CLOSE = timedelta(seconds=30)
"""Good deliveries less than this off show that our clock is right."""
_STAMP = "x-fal-webhook-timestamp"
_DIGITS = 11


def mend(delivery: DeliveryView, settings: Settings, offsets: Sequence[timedelta] = ()) -> str:
    """What to change so that the next one is let in; empty where nothing was refused.

    `offsets` are received - signed of the good deliveries before it: they tell whose clock is wrong.
    """
    slug = delivery.verdict
    if slug == "stale_timestamp":
        return " ".join((*_signed(delivery, settings), _whose(offsets, settings)))
    template = (
        BY_KIND.get((slug, delivery.kind)) or BY_PROVIDER.get((slug, delivery.provider)) or REFUSALS.get(slug, "")
    )
    return template.format(
        provider=delivery.provider,
        max_body_bytes=size(settings.max_body_bytes),
        max_image_bytes=size(settings.max_image_bytes),
        job_id=delivery.job_id,
    )


def stale(deliveries: Iterable[DeliveryView]) -> list[DeliveryView]:
    """Those whose sentence needs the good ones before them."""
    return [each for each in deliveries if each.verdict == "stale_timestamp"]


def claimed(delivery: DeliveryView) -> datetime | None:
    """When the delivery says that it was signed, believed or not; None where it does not say."""
    if delivery.signed_at is not None:
        return delivery.signed_at
    said = [value for name, value in delivery.headers if name == _STAMP]
    if len(said) != 1 or not (said[0].isascii() and said[0].isdigit() and len(said[0]) <= _DIGITS):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(said[0]))


def offset(apart: timedelta) -> str:
    """`+200 ms` where it came after it was signed, `-3 min` where it claims to be of the future."""
    return f"{'-' if apart < timedelta(0) else '+'}{span(abs(apart))}"


def _signed(delivery: DeliveryView, settings: Settings) -> tuple[str, ...]:
    at, limit = claimed(delivery), settings.timestamp_tolerance
    if at is None:
        return ("Its timestamp is no time, or stands there twice.",)
    apart = delivery.received_at - at
    return (f"Signed {span(abs(apart))} {'before' if apart >= timedelta(0) else 'after'} it came, limit {limit} s.",)


def _whose(offsets: Sequence[timedelta], settings: Settings) -> str:
    """The sender's clock or ours, as far as the good ones tell."""
    lasting = f"TIMESTAMP_TOLERANCE ({settings.timestamp_tolerance} s) says how old one may be"
    if not offsets:
        return (
            "None of the deliveries just before was good, so this clock may be wrong: compare it with a time server. "
            f"If it is right, the sender repeated an old delivery; {lasting}."
        )
    near, far = min(offsets), max(offsets)
    said = offset(near) if offset(near) == offset(far) else f"{offset(near)} to {offset(far)}"
    lead = f"The last {len(offsets)} good ones were {said}," if len(offsets) > 1 else f"The last good one was {said},"
    if max(abs(near), abs(far)) <= CLOSE:
        return f"{lead} so this clock is right, and the sender repeated an old delivery; {lasting}."
    return f"{lead} so this clock may be drifting: compare it with a time server; {lasting}."
