"""What is true now, in words: every page opens with one of these. Pure."""

from collections.abc import Sequence
from datetime import datetime

from receiver.ledger.views import DeliveryView, JobView, PurgeView
from receiver.pages.signs import believed
from receiver.pages.timeline import duration
from receiver.pages.words import day, many, span


def of_jobs(out: Sequence[JobView], now: datetime, most: int) -> str:
    """`out` are the jobs that have no end yet, `most` of them at the most."""
    if not out:
        return "No job is out: everything that was asked for has come to an end."
    stuck = sum(job.stuck for job in out)
    care = f" {many(stuck, 'job')} cannot go on without you: an image is a dead letter." if stuck else ""
    if len(out) >= most:
        return f"More than {most - 1:,} jobs are out.{care}"
    oldest = span(now - min(job.created_at for job in out))
    return f"{many(len(out), 'job is', 'jobs are')} out, the oldest for {oldest}.{care}"


def of_job(job: JobView, now: datetime) -> str:
    took = duration(job)
    held = sum(image.state == "stored" for image in job.images)
    if job.purged:
        return f"Purged on {day(job.purged.at)}, {job.purged.by}: {_gone(job.purged)}"
    match job.status:
        case "delivered":
            return f"{_images(held)} stored, hashed and checked, {span(took) if took else 'a moment'} after the order."
        case "succeeded" if job.stuck:
            return f"{job.provider} is done, but {_held(job, held)}: the rest is a dead letter, and waits for a retry."
        case "succeeded":
            return f"{job.provider} is done; {_held(job, held)}, and the rest is being collected."
        case "failed" | "expired" | "cancelled":
            what = "was cancelled" if job.status == "cancelled" else job.status
            return f"It {what} after {span(took or now - job.created_at)}. {_kept(held)}"
        case _:
            return f"{_under_way(job, span(now - job.created_at))} {_patience(job, now)}"


def prompt(job: JobView) -> str:
    """What was asked for, in the person's own words; empty where there are none."""
    found = (job.order.get("prompt"), job.params.get("prompt"), job.params.get("positivePrompt"))
    return next((text for text in found if isinstance(text, str) and text), "")


def of_found(count: int, *, more: bool, paged: bool) -> str:
    """How many jobs are like those that were asked for, as far as this page tells."""
    if not count:
        return ""
    if paged:
        return f"{many(count, 'more job', 'more jobs')} like this{', and older ones' if more else ', the oldest'}."
    return f"The newest {many(count, 'job')} like this." if more else f"{many(count, 'job is', 'jobs are')} like this."


def of_deliveries(found: Sequence[DeliveryView], verdict: str, *, more: bool, paged: bool) -> str:
    """What the deliveries of a page come to; `verdict` is the filter, or empty."""
    page = "Then " if paged else "The newest " if more else ""
    if verdict:
        return f"{page}{many(len(found), 'delivery', 'deliveries')}, {verdict.replace('_', ' ')}."
    refused = sum(not believed(delivery) for delivery in found)
    what = f"{many(refused, 'was', 'were')} refused" if refused else "none was refused"
    return f"{page or 'In all '}{many(len(found), 'delivery', 'deliveries')} came in; {what}."


DONE = {
    "order": "Ordered. The process that holds the spending keys sends it at once; what comes of it is shown here.",
    "retry": "Taken up again: what can still be collected or asked about is being seen to.",
    "retry-nothing": "There was nothing to take up again: no image is a dead letter, and the end is known.",
    "cancel": "Cancelled. A result that comes all the same is kept.",
    "redeliver": "Run again: this is the delivery that came of it; the first one stays as it was.",
    "redeliver-same": "Run again: it changed nothing, because all that it says was known already.",
}
"""What an action came to, said on the page that follows it."""


def _gone(purge: PurgeView) -> str:
    files = "are gone" if purge.done else "go as soon as that is sealed"
    return f"prompts, headers and images {files}; their sealed hashes stay."


def _under_way(job: JobView, since: str) -> str:
    if job.status != "pending":
        return f"{job.provider} has been at it for {since}."
    what = "and not sent yet" if job.error else f"and {job.provider} has not taken it yet"
    return f"Ordered {since} ago, {what}."


def _images(held: int) -> str:
    return "The image is" if held == 1 else f"All {held} images are"


def _held(job: JobView, held: int) -> str:
    return f"{held} of {many(max(job.expected, len(job.images)), 'image')} {'is' if held == 1 else 'are'} here"


def _kept(held: int) -> str:
    return f"What came before is kept: {many(held, 'image')}." if held else "No image came."


def _patience(job: JobView, now: datetime) -> str:
    if job.deadline_at <= now:
        return "Its deadline has passed: unless it is heard of now, it expires."
    return f"If nothing comes, it expires in {span(job.deadline_at - now)}."
