"""Objects as files: `<root>/<first two digits>/<sha256>`, the bytes exactly as they came."""

import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from io import FileIO
from pathlib import Path

from receiver.errors import Misconfigured, TryLater
from receiver.storage import derived
from receiver.storage.partial import PARTIAL, Partial, place, sync, taking
from receiver.storage.protocol import BATCH, Stored, is_name, missing, named
from receiver.storage.slots import NoSlots
from receiver.storage.threads import in_thread

STALE = timedelta(days=1)
"""A temporary file of that age has no living writer any more."""


class Folder(NoSlots):
    """A Storage (see the protocol) in a folder that it makes. A crash leaves an object whole, or not at all."""

    def __init__(self, root: Path) -> None:
        """Raises Misconfigured where the folder cannot be made."""
        self._root = root.absolute()
        self._rooms: set[Path] = set()
        try:
            (self._root / PARTIAL).mkdir(parents=True, exist_ok=True)
            _sweep(self._root / PARTIAL)
        except OSError as error:
            detail = f"{error.strerror}: {root}"
            raise Misconfigured(
                f"STORAGE_URL: the folder cannot be used ({detail}); name one we may write to"
            ) from error

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Partial]:
        arriving = Partial(self._root, self._rooms)
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
        with _giving(sha256):
            return await in_thread(self._place(sha256).is_file)

    async def size(self, sha256: str) -> int:
        with _giving(sha256):
            return (await in_thread(self._place(sha256).stat)).st_size

    async def read(
        self, sha256: str, chunk: int = BATCH, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        with _giving(sha256):
            file = await in_thread(partial(FileIO, self._place(sha256)))
        with file:
            file.seek(start)
            left = sys.maxsize if stop is None else stop - start
            while left and (data := await in_thread(partial(_next, file, sha256, min(chunk, left)))):
                left -= len(data)
                yield data

    async def get(self, sha256: str) -> bytes:
        with _giving(sha256):
            return await in_thread(self._place(sha256).read_bytes)

    def path(self, sha256: str) -> Path | None:
        return self._place(sha256) if is_name(sha256) else None

    @asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        await self.size(sha256)
        yield self._place(sha256)

    async def ready(self) -> None:
        await in_thread(self._try)

    async def delete(self, sha256: str) -> None:
        with _giving(sha256):
            await in_thread(partial(_remove, self._place(sha256)))
            await in_thread(partial(derived.remove, self._root, sha256))

    async def derive(self, sha256: str, data: bytes) -> None:
        await in_thread(partial(derived.write, self._root, named(sha256), data))

    async def derived(self, sha256: str) -> bytes | None:
        with _giving(sha256):
            return await in_thread(partial(derived.read, self._root, named(sha256)))

    def _place(self, sha256: str) -> Path:
        return place(self._root, named(sha256))

    def _try(self) -> None:
        """Writes a block through to the disk: free space alone would not tell of a quota or a read-only mount."""
        probe = self._root / PARTIAL / f"ready-{os.urandom(8).hex()}"
        with taking():
            try:
                with FileIO(probe, "xb") as file:
                    file.write(bytes(4096))
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)


def _next(file: FileIO, sha256: str, chunk: int) -> bytes:
    with _giving(sha256):
        return file.read(chunk)


def _remove(target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
        sync(target.parent)


def _sweep(folder: Path) -> None:
    """Removes what crashed writers left. Others may be sweeping, and writing, at the same moment."""
    oldest = time.time() - STALE.total_seconds()
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


@contextlib.contextmanager
def _giving(sha256: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise missing(sha256) from None
    except OSError as error:
        raise TryLater(f"the storage folder does not answer: {error.strerror}") from error
