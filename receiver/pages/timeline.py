"""What happened to a job, in order, with the time between. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from receiver.ledger.views import DeliveryView, ImageView, JobView
from receiver.pages.mends import offset
from receiver.pages.signs import STATUS, Sign, delivery_sign, image_sign, way

MOST_DELIVERIES = 12
_NEUTRAL = Sign("", "", "")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened; `took` is the time since the step before."""

    at: datetime
    word: str
    note: str = ""
    sign: Sign = _NEUTRAL
    took: timedelta | None = None


def steps(job: JobView) -> list[Step]:
    """From created to delivered, or purged. Of things that happened at the same moment, cause stands before effect."""
    found = [Step(job.created_at, "created", "before the provider was called")]
    if job.submitted_at:
        found.append(Step(job.submitted_at, "submitted", f"request {job.request_id}" if job.request_id else ""))
    found += [_came(delivery) for delivery in sorted(job.deliveries, key=_received)[:MOST_DELIVERIES]]
    if job.finished_at:
        found.append(Step(job.finished_at, "finished", _end(job)))
    found += [_stored(image, image.stored_at) for image in job.images if image.stored_at]
    if job.delivered_at:
        found.append(Step(job.delivered_at, "delivered", "every image is stored", STATUS["delivered"]))
    if job.purged:
        found.append(Step(job.purged.at, "purged", job.purged.by))
    found.sort(key=lambda step: step.at)  # stable: the order above decides between equals
    later = [Step(b.at, b.word, b.note, b.sign, b.at - a.at) for a, b in pairwise(found)]
    return [found[0], *later]


def with_seal(job: JobView, at: datetime | None, entries: str) -> list[Step]:
    """The same with the moment at which the last of it was sealed, where all of it is; `entries` names them."""
    found = steps(job)
    if at is None:
        return found
    before = [step for step in found if step.at <= at]
    behind = found[len(before) :]
    sealed = Step(at, "sealed", entries, took=at - before[-1].at if before else None)
    if behind:
        behind[0] = replace(behind[0], took=behind[0].at - at)
    return [*before, sealed, *behind]


def duration(job: JobView) -> timedelta | None:
    """From created to the end; None while there is none."""
    end = job.delivered_at or (None if job.status == "succeeded" else job.finished_at)
    return end - job.created_at if end else None


def _received(delivery: DeliveryView) -> datetime:
    return delivery.received_at


def _came(delivery: DeliveryView) -> Step:
    scheme = "" if delivery.scheme == delivery.verdict else delivery.scheme  # said once is enough
    note = delivery.reason or scheme or ""
    if delivery.signed_at and not delivery.reason:
        note = f"{note}, clock {offset(delivery.received_at - delivery.signed_at)}"
    return Step(delivery.received_at, way(delivery), note, delivery_sign(delivery))


def _stored(image: ImageView, at: datetime) -> Step:
    return Step(at, "stored", f"image {image.n}, by {image.arrived_by}", image_sign(image))


def _end(job: JobView) -> str:
    return job.error["code"] if job.error else "the provider is done"
