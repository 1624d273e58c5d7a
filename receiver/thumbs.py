"""Thumbnails: made of stored pictures by the worker when it has nothing better to do, kept beside them in the storage.

A page that finds none shows the original, and has one made. Nothing waits for a thumbnail, and none is evidence.
"""

import asyncio
from contextlib import suppress

from receiver.errors import NotAnImage, Permanent, TooLarge, TryLater
from receiver.ledger.views import ImageView
from receiver.log import get_logger
from receiver.road import Road
from receiver.wire import images

MEDIA_TYPE = "image/webp"
MOST_WAITING = 1000
"""Pictures of which a thumbnail is to be made; beyond it the oldest wait until somebody looks at them."""
PATIENCE = 1.0
"""Seconds that a thumbnail waits for the worker to have nothing to do; one is made all the same then."""
NONE = b""
"""Kept instead of a thumbnail that cannot be made, so that nobody tries again."""

log = get_logger("thumbnails")


async def thumbnail(road: Road, image: ImageView, job_id: str = "") -> bytes | None:
    """The thumbnail of a stored picture (WebP), or None: show the original. With its job's id, one is then made soon.

    Raises TryLater where the storage, or the ledger, does not answer.
    """
    if image.sha256 is None:
        return None
    found = await road.storage.derived(image.sha256)
    if found == NONE or (found and _whole(found)):
        return found or None
    if job_id:
        await road.ledger.thumbnail_wanted(job_id, image.key, road.clock())
    return None


class Thumbs:
    """Makes thumbnails for one worker, the newest picture first: that is what people look at."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._wanted: dict[str, None] = {}
        self._news = asyncio.Event()

    def want(self, sha256: str) -> None:
        """Soon, unless this process ends before."""
        self._wanted[sha256] = self._wanted.pop(sha256, None)
        if len(self._wanted) > MOST_WAITING:
            del self._wanted[next(iter(self._wanted))]
        self._news.set()

    async def run(self, idle: asyncio.Event) -> None:
        """Until cancelled. While the worker is not `idle` but at what has a hurry, a thumbnail a second at most."""
        while True:
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):  # wait_for of Python 3.11 may lose a cancellation
                    await idle.wait()
            await self._next()

    async def run_once(self) -> None:
        """All that are wanted now."""
        while self._wanted:
            await self._next()

    async def _next(self) -> None:
        sha256, _ = self._wanted.popitem()
        if not self._wanted:
            self._news.clear()
        try:
            await make(self._road, sha256)
        except TryLater as error:
            log.warning("no thumbnail now; it is made when somebody looks", sha256=sha256, error=str(error))
        except Exception:
            log.exception("defect in the making of a thumbnail", sha256=sha256)


async def make(road: Road, sha256: str) -> None:
    """Make the thumbnail of a picture and keep it, also where there is one. What is no picture any more has none.

    Raises TryLater.
    """
    try:
        data = await _shrunk(road, sha256)
    except Permanent:
        return  # purged
    await road.storage.derive(sha256, data)
    if not await road.storage.has(sha256):  # purged meanwhile: nothing of the picture may stay
        await road.storage.delete(sha256)


async def _shrunk(road: Road, sha256: str) -> bytes:
    from receiver.shrink import shrink  # noqa: PLC0415  the web process looks thumbnails up, and never decodes

    async with road.storage.local(sha256) as path:
        with path.open("rb") as file:
            media_type = images.sniff(file.read(images.HEAD))
        try:
            return await shrink(path, media_type or "", road.settings.max_image_pixels)
        except (NotAnImage, TooLarge) as error:
            log.info("no thumbnail", sha256=sha256, error=str(error))
            return NONE


def _whole(data: bytes) -> bool:
    """Whether it is a WebP file with its end (RFC 9649 §2.4): it is not synced, so a crash may have cut it."""
    return data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 == len(data)
