"""Objects in a bucket of any S3-compatible store: `<prefix>/<first two digits>/<sha256>`, the bytes as they came."""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from receiver.errors import StorageFull, TooLarge, TryLater
from receiver.storage.bucket import open_bucket
from receiver.storage.parts import Parts
from receiver.storage.protocol import BATCH, Stored, is_name, missing
from receiver.storage.refusals import absent, giving, taking
from receiver.storage.shelf import PARTIAL, Shelf, derived_key, incoming_key, partial_key, place
from receiver.storage.threads import in_thread

if TYPE_CHECKING:  # a type only: obstore does not have it at run time
    from obstore import GetOptions

LONGEST = timedelta(days=7)
"""No store signs a URL for longer."""
READY_FOR = 15.0
"""Seconds that a good answer of `ready` is believed: each costs a PUT, and platforms ask every second."""
NOT_READY_FOR = 2.0
READY_PATIENCE = 5.0


def open_objects(url: str, given: Mapping[str, str]) -> "Objects":
    """The storage that an s3 URL names. Raises Misconfigured."""
    return Objects(open_bucket(url, given))


class Objects:
    """A Storage (see the protocol) in a bucket. An object is there whole, or not at all, as S3 itself promises."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._shelf = Shelf(store)
        self._asking = asyncio.Lock()
        self._ask_at = 0.0
        self._trouble = ""

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Parts]:
        arriving = Parts(self._shelf)
        try:
            yield arriving
        finally:
            await arriving.discard()

    async def put(self, data: bytes) -> Stored:
        async with self.writer() as arriving:
            await arriving.write(data)
            return await arriving.commit()

    async def has(self, sha256: str) -> bool:
        if not is_name(sha256):
            return False
        with giving(sha256):
            return await self._shelf.size(place(sha256)) is not None

    async def size(self, sha256: str) -> int:
        with giving(sha256):
            count = await self._shelf.size(place(sha256))
        if count is None:
            raise missing(sha256)
        return count

    async def read(
        self, sha256: str, chunk: int = BATCH, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        if start == stop:  # a store takes an empty range for a wrong one
            await self.size(sha256)
            return
        async for piece in self._stream(place(sha256), sha256, chunk, start, stop):
            view = memoryview(piece)
            for at in range(0, len(view), chunk):
                yield bytes(view[at : at + chunk])

    async def get(self, sha256: str) -> bytes:
        with giving(sha256):
            return bytes(await (await obstore.get_async(self._store, place(sha256))).bytes_async())

    def path(self, sha256: str) -> None:
        """There are no files here."""

    @asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        place(sha256)
        folder = await in_thread(partial(tempfile.TemporaryDirectory, prefix="proofhook-"))
        try:
            path = Path(folder.name, sha256)
            await self._spill(sha256, path)
            yield path
        finally:
            await in_thread(folder.cleanup)

    async def ready(self) -> None:
        async with self._asking:
            if time.monotonic() >= self._ask_at:
                self._trouble = await self._try()
                self._ask_at = time.monotonic() + (NOT_READY_FOR if self._trouble else READY_FOR)
        if self._trouble:
            raise StorageFull(self._trouble)

    async def delete(self, sha256: str) -> None:
        with giving(sha256):
            await self._remove(place(sha256))
            await self._remove(derived_key(sha256))

    async def derive(self, sha256: str, data: bytes) -> None:
        with taking():
            await obstore.put_async(self._store, derived_key(sha256), data, use_multipart=False)

    async def derived(self, sha256: str) -> bytes | None:
        with giving(sha256):
            try:
                return bytes(await (await obstore.get_async(self._store, derived_key(sha256))).bytes_async())
            except FileNotFoundError as error:
                if not absent(error):
                    raise
        return None

    async def presign_put(self, slot: str, lasting: timedelta) -> str | None:
        with taking():
            return await obstore.sign_async(self._store, "PUT", incoming_key(slot), min(lasting, LONGEST))

    async def adopt(self, slot: str, most: int) -> Stored | None:
        """Its URL may be used again while we read, so the bytes are first copied to where it does not reach."""
        with giving(slot):
            count = await self._shelf.size(incoming_key(slot))
        if count is None:
            return None
        _fits(count, most)
        frozen = partial_key()
        try:
            with taking():
                await obstore.copy_async(self._store, incoming_key(slot), frozen)
            stored = await self._measured(frozen, slot, most)
            await self._shelf.name(frozen, stored.sha256, stored.bytes)
        finally:
            await self._shelf.drop(frozen)
        return stored

    async def clear(self, slot: str) -> None:
        with giving(slot):
            await self._remove(incoming_key(slot))

    async def _remove(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError as error:
            if not absent(error):
                raise

    async def _measured(self, key: str, name: str, most: int) -> Stored:
        digest, count = hashlib.sha256(), 0
        async for piece in self._stream(key, name, BATCH):
            count += len(piece)
            _fits(count, most)
            await in_thread(partial(digest.update, piece))
        return Stored(digest.hexdigest(), count)

    async def _stream(
        self, key: str, name: str, chunk: int, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        part: GetOptions = {}
        if start or stop is not None:
            part["range"] = {"offset": start} if stop is None else (start, stop)
        with giving(name):
            found = await obstore.get_async(self._store, key, options=part)
        pieces = found.stream(min_chunk_size=chunk)
        while True:
            with giving(name):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def _spill(self, sha256: str, path: Path) -> None:
        try:
            with await in_thread(partial(FileIO, path, "xb")) as file:
                async for piece in self._stream(place(sha256), sha256, BATCH):
                    await in_thread(partial(file.write, piece))
        except OSError as error:
            raise TryLater(f"no room for a local copy of the image: {error.strerror}") from error

    async def _try(self) -> str:
        """The reason why no bytes would be taken now, or nothing: told by taking some."""
        try:
            with taking():
                async with asyncio.timeout(READY_PATIENCE):
                    await obstore.put_async(self._store, f"{PARTIAL}/ready", b"ready", use_multipart=False)
        except StorageFull as error:
            return str(error)
        return ""


def _fits(count: int, most: int) -> None:
    if count > most:
        raise TooLarge(f"the image that was put to the storage is larger than MAX_IMAGE_BYTES ({most})")
