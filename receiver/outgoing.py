"""A job on its way out, as far as no key is needed: its row, its own URLs and secret, and the one call it takes."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from receiver.errors import Misconfigured
from receiver.intake import digest, kept, light
from receiver.ledger.jobs import Opening
from receiver.road import Road
from receiver.settings import Settings
from receiver.storage import slot
from receiver.wire import tokens
from receiver.wire.orders import Call, Endpoints, Order, Prepared
from receiver.wire.provider import Provider


def base(settings: Settings, provider: Provider) -> str:
    """The base URL of the provider's API: the setting's, or its own."""
    return settings.base(provider.url_setting) or provider.api


async def opening(
    road: Road,
    provider: Provider,
    order: Order,
    prepared: Prepared,
    job_id: str,
    *,
    tags: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
    send_at: datetime | None = None,
) -> Opening:
    """The row of a job, with its pictures in storage. Raises StorageFull."""
    now = road.clock()
    written = await kept(order, road.storage)
    return Opening(
        id=job_id,
        provider=provider.name,
        model=prepared.model,
        order=written,
        order_digest=digest(written),
        params=light(prepared.params),
        expected=prepared.expected,
        upload=prepared.upload,
        created_at=now,
        deadline_at=now + timedelta(seconds=road.settings.job_deadline),
        ask_at=now + provider.pace.first,
        tags=dict(tags or {}),
        idempotency_key=idempotency_key,
        send_at=send_at,
    )


async def compose(road: Road, provider: Provider, job_id: str, prepared: Prepared) -> Call:
    """The one call of a job, with the URLs and the secret of its own. Raises BadOrder, StorageFull, Misconfigured."""
    given = endpoints(road.settings, provider, job_id, prepared)
    if given.uploads and road.settings.uploads_to == "storage":
        given = replace(given, uploads=await _presigned(road, job_id, len(given.uploads)))
    return await asyncio.to_thread(provider.compose, job_id, prepared, given, base(road.settings, provider))


def endpoints(settings: Settings, provider: Provider, job_id: str, prepared: Prepared) -> Endpoints:
    """The URLs and the secret of one job: arithmetic on our own key, so none of them is stored."""
    keys, public = settings.secrets, settings.public
    hook = f"{public}/hooks/{provider.name}/{tokens.mint(keys, 'hook', provider.name, job_id)}"
    places = range(prepared.expected if prepared.upload else 0)
    uploads = tuple(
        f"{public}/uploads/{provider.name}/{tokens.mint(keys, 'upload', provider.name, job_id, place)}"
        for place in places
    )
    return Endpoints(hook, uploads, tokens.secret(keys, provider.name, job_id))


async def _presigned(road: Road, job_id: str, count: int) -> tuple[str, ...]:
    """URLs that lead past us, into the storage itself, for as long as the job may take. Raises Misconfigured."""
    lasting = timedelta(seconds=road.settings.job_deadline)
    urls = [await road.storage.presign_put(slot(job_id, place), lasting) for place in range(count)]
    if None in urls:
        raise Misconfigured("UPLOADS_TO: storage needs STORAGE_URL=s3://bucket/prefix")
    return tuple(url for url in urls if url is not None)
