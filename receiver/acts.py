"""What people may do: order pictures, run a delivery again, cancel a job, take one up again.

Nothing here calls a provider or needs a spending key, so pages and API may do it as well as the command.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from receiver import intake, outgoing, registry
from receiver.errors import Impossible, Permanent, Refused, TooLarge, UnknownEndpoint
from receiver.ledger import ids, kept
from receiver.ledger.arrivals import Recorded, Redelivery, sha256
from receiver.ledger.kept import Kept
from receiver.ledger.ledger import Ledger
from receiver.road import Road
from receiver.settings import Settings
from receiver.wire import schemes
from receiver.wire.orders import Asking, Order
from receiver.wire.provider import Provider
from receiver.wire.types import Delivery, Kind


class Desk(Protocol):
    """What it takes to write down a wish: a Road has it."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def clock(self) -> Callable[[], datetime]: ...


async def order(
    road: Road,
    provider: Provider,
    wanted: Order,
    tags: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> tuple[str, bool]:
    """Open the row of a job that whoever reconciles sends at once, with the key of its own.

    Returns the job's id and whether it is new: the same idempotency key is the same job. Raises BadOrder before
    anything is written, KeyReused, Misconfigured, TryLater.
    """
    intake.sound([wanted.prompt, wanted.aspect_ratio, wanted.model, wanted.output_format, wanted.extra])
    intake.sound([dict(tags or {}), idempotency_key, [[each.url, each.name] for each in wanted.images]])
    prepared = await asyncio.to_thread(provider.prepare, wanted)
    now = road.clock()
    job_id = ids.job_id(now)
    await outgoing.compose(road, provider, job_id, prepared)  # what cannot be said is refused here, not after the row
    opening = await outgoing.opening(
        road, provider, wanted, prepared, job_id, tags=tags, idempotency_key=idempotency_key, send_at=now
    )
    return await road.ledger.opened(opening)


async def redeliver(road: Road, delivery_id: str) -> Recorded:
    """Run a stored delivery again: keys of now → verify, by the clock of when it came → parse → record.

    What comes of it is a delivery of its own that names the first one in its reason; the first stays as it was. What
    changes nothing (a repeat of what is known, or refused for the same reason again) is counted as a repeat.
    Raises NoSuchDelivery, Impossible where the bytes are not there to be run, TryLater.
    """
    found = await road.ledger.read(lambda c: kept.kept(c, delivery_id))
    provider, body = _provider(found), await _body(road, found)
    delivery = Delivery(found.provider, found.kind, found.job["id"], found.headers, body, road.clock())
    again = Redelivery(found.id, found.received_at)
    if found.kind is Kind.ANSWER:
        return await _answer(road, provider, delivery, found.job, again)
    return await road.hook(provider, delivery, again)


async def cancel(desk: Desk, job_id: str) -> dict[str, Any]:
    """The job's status is `cancelled`, and nobody asks about it any more. Returns its columns as they were.

    Its provider is not told: see `proofhook cancel`. A late result is still taken. Raises NoSuchJob, Impossible for
    a job that has come to an end, or whose provider is done.
    """
    return await desk.ledger.cancelled(job_id, desk.clock())


async def retry(desk: Desk, job_id: str) -> int:
    """Revive a job's dead letters, and have its provider asked where the end is not known. Counts both.

    Raises NoSuchJob, for one that was purged too.
    """
    return await desk.ledger.retried(job_id, desk.clock())


def asking(settings: Settings, provider: Provider, job: Mapping[str, Any]) -> Asking:
    """What is known of a job when its provider is asked about it; `job` are its columns."""
    facts = {name: job[name] for name in ("model", "request_id", "links", "expected", "upload")}
    return Asking(job_id=job["id"], base=outgoing.base(settings, provider), **facts)


async def _answer(
    road: Road, provider: Provider, delivery: Delivery, job: dict[str, Any], again: Redelivery
) -> Recorded:
    verified = schemes.asked(delivery)
    try:
        heard = provider.hear(verified, asking(road.settings, provider, job))
    except Refused as refusal:
        return await road.refused(delivery, refusal, again=again)
    if not heard.events:
        raise Impossible("this answer says nothing about the job by itself; `proofhook retry` has the provider asked")
    return await road.believed(provider, verified, heard.events, again)


def _provider(found: Kept) -> Provider:
    try:
        return registry.provider(found.provider)
    except UnknownEndpoint:
        raise Impossible(f"no provider {found.provider} is installed any more; install its plug-in again") from None


async def _body(road: Road, found: Kept) -> bytes:
    """The bytes as they came. Raises Impossible where they were not kept, or are not the same any more."""
    if found.kind is Kind.UPLOAD:
        raise Impossible(_upload(found))
    if found.verdict == TooLarge.slug:
        raise Impossible(
            "its body was larger than MAX_BODY_BYTES, so it was not kept; the provider has to send it again"
        )
    try:
        body = await road.storage.get(found.body_sha256) if found.body is None else found.body
    except Permanent:
        raise Impossible(
            "its bytes are not in the storage any more; `proofhook audit verify` says what is missing"
        ) from None
    if sha256(body) != found.body_sha256:
        raise Impossible("its bytes are not those that came; `proofhook audit verify` says what was changed")
    return body


def _upload(found: Kept) -> str:
    """Its place stood in the URL alone, and of refused bytes nothing is kept: there is nothing to run."""
    if found.body_bytes and found.verdict == "unsigned":
        return f"an upload that was taken is in the storage already; `proofhook retry {found.job['id']}` collects it"
    return "the bytes of an upload that was refused are not kept; the provider has to put them again"
