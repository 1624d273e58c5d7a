"""One image: fetched, put to the storage, or taken from where it is staged; decoded; told by hash, type and pixels."""

import contextlib
import os

from receiver import registry
from receiver.check import check
from receiver.errors import NotAnImage, Permanent, TooLarge, Transient, TryLater
from receiver.fetch import Fetcher
from receiver.ledger import climb
from receiver.ledger.tasks import Collected, Task
from receiver.log import get_logger
from receiver.road import Road
from receiver.storage import Stored, slot
from receiver.wire import images
from receiver.wire.types import Delivery, Headers, Kind

log = get_logger("worker")


async def collect(road: Road, fetcher: Fetcher, task: Task) -> Collected:
    """The image of a task, stored and checked.

    Raises NotAnImage, TooLarge, Permanent for what this source cannot mend, Transient for what another attempt may,
    TryLater where we are at fault (disk, memory).
    """
    if task.staged_sha256 is not None:
        return await _staged(road, task, task.staged_sha256)
    put = await _put_to_storage(road, task)
    if put is not None:
        return put
    if _may_come(road, task):
        raise TryLater("the provider has not put the image into the storage yet")
    if task.url is None:
        raise Permanent("there is neither a URL nor bytes for this image")
    fetched = await fetcher.fetch(task.url, registry.provider(task.provider).hosts, road.storage)
    return await _checked(road, fetched.stored.sha256, "download")


async def _staged(road: Road, task: Task, sha256: str) -> Collected:
    """Bytes that the ledger knows of. A slot may still hold them, if we died before it was cleared; it is of no use."""
    checked = await _checked(road, sha256, task.staged_by or "inline")
    if task.staged_by == "upload":
        await _clear(road, task)
    return checked


async def _put_to_storage(road: Road, task: Task) -> Collected | None:
    """What the provider PUT to this image's slot with a presigned URL; None when nothing, or nothing of use, is there.

    It is checked, then recorded like an upload to our own door (one road), and only then does its slot go: whenever
    we die, either the slot or the ledger has it. Raises what is wrong with it when there is no URL to turn to.
    """
    if not _has_slot(task):
        return None
    try:
        stored = await road.storage.adopt(_slot(task), int(road.settings.max_image_bytes))
        checked = await _checked(road, stored.sha256, "upload") if stored else None
    except (NotAnImage, TooLarge) as error:
        await _clear(road, task)
        if task.url is None:
            raise
        log.warning("what was put to the storage is of no use; fetching", job=task.job_id, error=str(error))
        return None
    if stored and checked:
        await _record(road, task, stored)
        await _clear(road, task)
    return checked


async def _record(road: Road, task: Task, stored: Stored) -> None:
    """The upload in the ledger. Raises Transient when other bytes were here first: those count."""
    delivery = Delivery(task.provider, Kind.UPLOAD, task.job_id, Headers(), b"", road.clock())
    recorded = await road.upload(registry.provider(task.provider), delivery, int(task.image_key), stored)
    if recorded.refusal is not None:
        await _clear(road, task)
        raise Transient(f"the upload was refused: {recorded.refusal}")


async def _clear(road: Road, task: Task) -> None:
    """What cannot be removed now is left to the bucket's lifecycle rule."""
    if _has_slot(task):
        with contextlib.suppress(TryLater):
            await road.storage.clear(_slot(task))


def _may_come(road: Road, task: Task) -> bool:
    """Whether a PUT past us may be on its way still: it is looked for again and again while the patience lasts."""
    if not _has_slot(task) or road.settings.uploads_to != "storage" or task.announced_at is None:
        return False
    return road.clock() < task.announced_at + climb.UPLOAD_PATIENCE


def _has_slot(task: Task) -> bool:
    """Whether the image may have been put to a slot: an upload's key is its place, and nothing else looks like one."""
    return registry.provider(task.provider).uploads and task.image_key.isascii() and task.image_key.isdigit()


def _slot(task: Task) -> str:
    return slot(task.job_id, int(task.image_key))


async def _checked(road: Road, sha256: str, by: str) -> Collected:
    async with road.storage.local(sha256) as path:
        with path.open("rb") as file:
            media_type = images.sniff(file.read(images.HEAD))
            count = file.seek(0, os.SEEK_END)
        if media_type is None:
            raise NotAnImage("the bytes are of no image format that we store")
        seen = await check(path, media_type, road.settings.max_image_pixels)
    return Collected(sha256, seen.media_type, seen.width, seen.height, count, by)
