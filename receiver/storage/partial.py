"""One object on its way into the folder: a temporary file that becomes the object by one rename, or vanishes."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Iterator
from functools import partial
from io import FileIO
from pathlib import Path
from uuid import uuid4

from receiver.errors import StorageFull
from receiver.storage.gathered import Gathered
from receiver.storage.protocol import BATCH, Stored
from receiver.storage.threads import begin, in_thread, whole

PARTIAL = ".partial"
"""Where temporary files stand: below the root, so that the rename stays on one filesystem."""


class Partial:
    """A Writer. Chunks are gathered to batches; one batch at a time is hashed and written in a thread.

    `rooms` are the folders known to be durable; the ones made here are added to it.
    """

    def __init__(self, root: Path, rooms: set[Path]) -> None:
        self._root = root
        self._rooms = rooms
        self._path = root / PARTIAL / uuid4().hex
        self._file: FileIO | None = None
        self._hash = hashlib.sha256()
        self._count = 0
        self._gathered = Gathered()
        self._busy: asyncio.Future[None] | None = None

    async def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        for start in range(0, len(view), BATCH):
            self._gathered.add(view[start : start + BATCH])
            if self._gathered.size >= BATCH:
                await self._settle()
                batch, self._gathered = self._gathered, Gathered()
                self._busy = begin(partial(self._append, batch))

    async def commit(self) -> Stored:
        await self._settle()
        return await in_thread(self._keep)

    async def discard(self) -> None:
        """Lets go of what was not committed; after a commit there is nothing left to do."""
        with contextlib.suppress(StorageFull):
            await self._settle()
        if self._file is not None:
            await in_thread(self._drop)

    async def _settle(self) -> None:
        """Waits for the batch in flight. It stays remembered, so that no commit can follow a failed write."""
        if self._busy is not None:
            await whole(self._busy)

    def _append(self, batch: Gathered) -> None:
        with taking():
            if self._file is None:
                self._file = FileIO(self._path, "xb")
            for piece in batch.pieces:
                self._hash.update(piece)
                written = 0
                while written < len(piece):
                    written += self._file.write(memoryview(piece)[written:])
            _begin_to_sync(self._file.fileno(), self._count, batch.size)
            self._count += batch.size
        batch.pieces.clear()  # now, not when the pool's thread lets go of its argument

    def _keep(self) -> Stored:
        try:
            self._append(self._gathered)
            with taking():
                self._name()
        finally:
            self._drop()
        return Stored(self._hash.hexdigest(), self._count)

    def _name(self) -> None:
        """Gives the file its hash as its name; where that name stands already, the bytes are the same."""
        assert self._file is not None
        target = place(self._root, self._hash.hexdigest())
        if not _holds(target, self._count):
            os.fsync(self._file.fileno())
            target.parent.mkdir(exist_ok=True)
            self._path.replace(target)
        sync(target.parent)
        if target.parent not in self._rooms:
            sync(self._root)
            self._rooms.add(target.parent)

    def _drop(self) -> None:
        """What cannot be removed now is swept when the folder is next opened."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _begin_to_sync(handle: int, start: int, count: int) -> None:
    """Has the system begin to write these bytes to the disk, so that the fsync at the end finds little left to do."""
    if count and hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, start, count, os.POSIX_FADV_DONTNEED)


def place(root: Path, sha256: str) -> Path:
    """Where an object of that (checked) name stands."""
    return root / sha256[:2] / sha256


def sync(folder: Path) -> None:
    """Makes the names in a folder survive a crash."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def taking() -> Iterator[None]:
    """Whatever the system says against taking bytes (no room, quota, read-only, a bad disk) is StorageFull."""
    try:
        yield
    except OSError as error:
        raise StorageFull(f"the storage folder does not take bytes: {error.strerror}") from error


def _holds(target: Path, count: int) -> bool:
    """Whether the object is there, whole. One of another length is damaged, and is replaced."""
    try:
        return target.stat().st_size == count
    except FileNotFoundError:
        return False
