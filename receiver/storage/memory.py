"""Objects in memory: for tests, and for a receiver that is thrown away."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from receiver.errors import StorageFull
from receiver.storage.protocol import BATCH, Stored, missing, named
from receiver.storage.slots import NoSlots
from receiver.storage.threads import in_thread


class Memory(NoSlots):
    """A Storage (see the protocol) that holds at most `room` bytes, None for no bound."""

    def __init__(self, room: int | None = None) -> None:
        self._room = room
        self._objects: dict[str, bytes] = {}
        self._derived: dict[str, bytes] = {}

    @asynccontextmanager
    async def writer(self) -> AsyncIterator["_Arriving"]:
        yield _Arriving(self)

    async def put(self, data: bytes) -> Stored:
        return self.keep(data)

    async def has(self, sha256: str) -> bool:
        return sha256 in self._objects

    async def size(self, sha256: str) -> int:
        return len(self._held(sha256))

    async def read(
        self, sha256: str, chunk: int = BATCH, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        data = self._held(sha256)[start:stop]
        for at in range(0, len(data), chunk):
            yield data[at : at + chunk]

    async def get(self, sha256: str) -> bytes:
        return self._held(sha256)

    def path(self, sha256: str) -> None:
        """There are no files here."""

    @asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        data = self._held(sha256)
        with tempfile.TemporaryDirectory(prefix="proofhook-") as folder:
            path = Path(folder, sha256)
            await in_thread(partial(path.write_bytes, data))
            yield path

    async def ready(self) -> None:
        self.fit(1)

    async def delete(self, sha256: str) -> None:
        self._objects.pop(named(sha256), None)
        self._derived.pop(sha256, None)

    async def derive(self, sha256: str, data: bytes) -> None:
        self._derived[named(sha256)] = data

    async def derived(self, sha256: str) -> bytes | None:
        return self._derived.get(named(sha256))

    def fit(self, count: int) -> None:
        """Raises StorageFull when `count` more bytes have no room."""
        if self._room is not None and sum(map(len, self._objects.values())) + count > self._room:
            raise StorageFull("the storage in memory is full")

    def keep(self, data: bytes) -> Stored:
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self._objects:
            self.fit(len(data))
            self._objects[sha256] = data
        return Stored(sha256, len(data))

    def _held(self, sha256: str) -> bytes:
        if named(sha256) not in self._objects:
            raise missing(sha256)
        return self._objects[sha256]


class _Arriving:
    """A Writer."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._gathered = bytearray()

    async def write(self, chunk: bytes) -> None:
        self._gathered += chunk
        self._memory.fit(len(self._gathered))

    async def commit(self) -> Stored:
        return self._memory.keep(bytes(self._gathered))
