"""One object on its way into a bucket: put whole where it is small, else in parts as they come.

The name is the hash, and the hash is known at the end. So a large one goes to a key of its own below `partial/`, and
is copied to its name inside the store: no byte touches our disk, which on a platform may be small, or memory.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import partial

import obstore

from receiver.errors import StorageFull
from receiver.storage.gathered import Gathered
from receiver.storage.protocol import BATCH, Stored
from receiver.storage.refusals import taking
from receiver.storage.shelf import Shelf, partial_key
from receiver.storage.threads import in_thread

PART = 5 * BATCH
"""The least that S3 takes as a part of an upload; anything smaller is put in one go."""
AT_ONCE = 2
"""Parts in flight. With the one that is filling, an upload holds some 20 MB at most, however large it is."""


class Parts:
    """A Writer."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._key = partial_key()
        self._hash = hashlib.sha256()
        self._count = 0
        self._gathered = Gathered()
        self._held: list[bytes] = []
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._upload: asyncio.Task[None] | None = None
        self._whole = False

    async def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        for start in range(0, len(view), BATCH):
            self._gathered.add(view[start : start + BATCH])
            if self._gathered.size >= BATCH:
                await self._pass()

    async def commit(self) -> Stored:
        await self._pass()
        stored = Stored(self._hash.hexdigest(), self._count)
        if self._upload is None:
            await self._shelf.create(stored.sha256, b"".join(self._held))
        else:
            self._whole = True
            await self._offer(None)
            await asyncio.shield(self._upload)
            await self._shelf.name(self._key, stored.sha256, stored.bytes)
        return stored

    async def discard(self) -> None:
        """Abort an upload that was not completed, and remove what one has left below `partial/`."""
        if self._upload is None:
            return
        if not self._upload.done() and not self._whole:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)
        await asyncio.wait({self._upload})
        if not self._upload.cancelled() and self._upload.exception() is None:
            await self._shelf.drop(self._key)

    async def _pass(self) -> None:
        """Hash what is gathered; hold it while the object may yet be small, else send it on its way."""
        batch, self._gathered = b"".join(self._gathered.pieces), Gathered()
        await in_thread(partial(self._hash.update, batch))
        self._count += len(batch)
        self._held.append(batch)
        if self._count <= PART:
            return
        if self._upload is None:
            self._upload = asyncio.create_task(self._send())
            self._upload.add_done_callback(_heard)
        waiting, self._held = self._held, []
        for each in waiting:
            await self._offer(each)

    async def _offer(self, batch: bytes | None) -> None:
        """Hand a batch to the upload, unless it has failed: then its error, now and for every later batch."""
        assert self._upload is not None
        offer = asyncio.ensure_future(self._queue.put(batch))
        try:
            await asyncio.wait({offer, self._upload}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            offer.cancel()
        if self._upload.done():
            self._upload.result()

    async def _send(self) -> None:
        with taking():
            await obstore.put_async(
                self._shelf.store, self._key, self._batches(), chunk_size=PART, max_concurrency=AT_ONCE
            )

    async def _batches(self) -> AsyncIterator[bytes]:
        """What was offered, to its end. An error here, and only here, makes obstore abort the upload in the store."""
        while (batch := await self._queue.get()) is not None:
            yield batch
        if not self._whole:
            raise StorageFull("the upload was given up")


def _heard(upload: asyncio.Task[None]) -> None:
    """Nobody may be left to hear of its error: asyncio need not complain."""
    if not upload.cancelled():
        upload.exception()
