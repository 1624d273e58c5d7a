"""Views as JSON, in the contract's words (contract §6). Times are RFC 3339 in UTC with microseconds."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from receiver.ledger.now_reading import Expiring, NowView
from receiver.ledger.searching import DeliveryDetail
from receiver.ledger.views import DeliveryView, ImageView, JobView, PurgeView


class Shelf(Protocol):
    """Where stored images lie; `path` is None where the storage has no files."""

    def path(self, sha256: str) -> Path | None: ...


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds and `Z`, as all our JSON has it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None


def job_json(job: JobView, shelf: Shelf) -> dict[str, Any]:
    """A job in the contract's words."""
    names = ("id", "provider", "model", "request_id", "status", "tags", "error", "cost_usd")
    times = ("created_at", "submitted_at", "finished_at", "delivered_at", "deadline_at")
    return {
        **{name: getattr(job, name) for name in names},
        "params": _seed_as_text(job.params),
        **{name: moment(getattr(job, name)) for name in times},
        "images": [image_json(image, shelf) for image in job.images],
        "deliveries": [delivery_json(delivery) for delivery in job.deliveries],
    }


def purge_json(purge: PurgeView | None) -> dict[str, Any] | None:
    """Beside the contract's words, for who looks at one job."""
    return {"at": moment(purge.at), "why": purge.why, "done": purge.done} if purge else None


def _seed_as_text(params: dict[str, Any]) -> dict[str, Any]:
    """Seeds are strings: some are more than a JSON reader's number holds."""
    return {name: str(value) if name == "seed" and value is not None else value for name, value in params.items()}


def image_json(image: ImageView, shelf: Shelf) -> dict[str, Any]:
    path = shelf.path(image.sha256) if image.sha256 else None
    names = (
        "n",
        "state",
        "sha256",
        "media_type",
        "width",
        "height",
        "bytes",
        "url",
        "seed",
        "arrived_by",
        "attempts",
        "error",
    )
    facts = {name: getattr(image, name) for name in names}
    times = {"stored_at": moment(image.stored_at), "expires_at": moment(image.expires_at)}
    return {**facts, **times, "path": str(path) if path else None}


def delivery_json(delivery: DeliveryView) -> dict[str, Any]:
    names = (
        "id",
        "provider",
        "job_id",
        "kind",
        "verdict",
        "reason",
        "scheme",
        "key_id",
        "body_sha256",
        "body_bytes",
        "repeats",
    )
    facts = {name: getattr(delivery, name) for name in names}
    return {**facts, "received_at": moment(delivery.received_at), "signed_at": moment(delivery.signed_at)}


def now_json(now: NowView, shelf: Shelf) -> dict[str, Any]:
    """What is true at this moment; `latest` are jobs in the contract's words."""
    names = ("delivered", "failed", "refused", "collecting", "waiting", "dead", "queue", "unsealed")
    at, entries = now.checkpoint or (None, 0)
    return {
        "since": moment(now.since),
        **{name: getattr(now, name) for name in names},
        "more": [name for name in now.more if name in names],
        "oldest_out": moment(now.oldest_out),
        "minutes": [
            {"at": moment(each.at), "recorded": each.recorded, "duplicate": each.duplicate, "refused": each.refused}
            for each in now.minutes
        ],
        "seconds": [
            {"provider": each.provider, "median_seconds": each.median_seconds, "count": each.count}
            for each in now.seconds
        ],
        "soonest": _expiring_json(now.soonest),
        "checkpoint": {"at": moment(at), "entries": entries} if now.checkpoint else None,
        "latest": [_brief(job_json(job, shelf)) for job in now.latest],
    }


def _brief(job: dict[str, Any]) -> dict[str, Any]:
    """A job as lists have it that do not read its deliveries."""
    return {name: value for name, value in job.items() if name != "deliveries"}


def _expiring_json(image: Expiring | None) -> dict[str, Any] | None:
    if image is None:
        return None
    facts = {name: getattr(image, name) for name in ("job_id", "provider", "n")}
    return {**facts, "expires_at": moment(image.expires_at)}


def delivery_detail_json(detail: DeliveryDetail, body: bytes | None) -> dict[str, Any]:
    """A delivery with headers and body; the body is text, or base64 where it is none."""
    text = _text(body)
    encoding = None if body is None else "base64" if text is None else "utf-8"
    return {
        **delivery_json(detail.view),
        "key_fingerprint": detail.key_fingerprint,
        "headers": [{"name": name, "value": value} for name, value in detail.view.headers],
        "body": base64.b64encode(body).decode() if body is not None and text is None else text,
        "body_encoding": encoding,
    }


def _text(body: bytes | None) -> str | None:
    try:
        return None if body is None else body.decode()
    except UnicodeDecodeError:
        return None
