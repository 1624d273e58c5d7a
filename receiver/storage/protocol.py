"""What every storage does: keeps bytes, whole or not at all, under the SHA-256 that they have."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from receiver.errors import Permanent

BATCH = 1 << 20
"""Bytes that are hashed and written in one go, and read in one go."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is safely held: its name, 64 lower-case hex digits, and its length in bytes."""

    sha256: str
    bytes: int


class Writer(Protocol):
    """One object on its way in. A few batches of it are in memory (a folder: two; S3: some 20), however large it is."""

    async def write(self, chunk: bytes) -> None:
        """The next bytes. Raises StorageFull, perhaps for an earlier chunk."""

    async def commit(self) -> Stored:
        """Once, at the end: from here on the object survives a crash. Raises StorageFull."""


class Storage(Protocol):
    """Bytes by their hash. The same bytes twice are one object; an object never changes.

    Whatever takes bytes raises StorageFull when they cannot be kept, with nothing half-written left. Whatever gives
    bytes raises Permanent when nothing of that name is held (or the name is no SHA-256), TryLater when the
    storage does not answer.
    """

    def writer(self) -> AbstractAsyncContextManager[Writer]:
        """Leaving it without `commit` discards what was written."""

    async def put(self, data: bytes) -> Stored:
        """Stores bytes that are in memory already."""

    async def has(self, sha256: str) -> bool:
        """Whether the object is held. Raises TryLater when that cannot be known."""

    async def size(self, sha256: str) -> int:
        """Its length in bytes."""

    def read(self, sha256: str, chunk: int = BATCH, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes in order, at most `chunk` at a time. Not rehashed: that is the audit's work.

        From `start` up to, and without, `stop`; None is the end. Both are within the object.
        """

    async def get(self, sha256: str) -> bytes:
        """All its bytes at once: for small objects."""

    def path(self, sha256: str) -> Path | None:
        """The file it stands in (or would); None where the storage has no files, or the name is no SHA-256."""

    def local(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        """A file to decode from, good until the context ends; not to be written to."""

    async def ready(self) -> None:
        """Raises StorageFull when bytes would not be taken now, TryLater when the storage does not answer."""

    async def delete(self, sha256: str) -> None:
        """Lets go of an object and of what was derived from it; one not held is no error. Raises TryLater."""

    async def derive(self, sha256: str, data: bytes) -> None:
        """Keeps what was made of an object beside it, under its name, instead of what was there: a thumbnail.

        It may be lost with a machine that goes down, as it can be made anew. Raises StorageFull.
        """

    async def derived(self, sha256: str) -> bytes | None:
        """What was derived from an object; None where nothing was, or it was lost. Raises TryLater."""

    async def presign_put(self, slot: str, lasting: timedelta) -> str | None:
        """A URL that anyone who knows it may PUT one result to for that long (a week at most); None without slots.

        Raises StorageFull where it cannot be signed now.
        """

    async def adopt(self, slot: str, most: int) -> Stored | None:
        """What was PUT to a slot, as an object of its own; None when nothing was. The slot stays as it is.

        Raises TooLarge above `most` bytes, StorageFull, TryLater.
        """

    async def clear(self, slot: str) -> None:
        """Lets go of what was PUT to a slot; nothing there is no error. Raises TryLater."""


def is_name(sha256: str) -> bool:
    """Whether it is a SHA-256 as we write it; anything else could walk out of the folder."""
    return _SHA256.fullmatch(sha256) is not None


def named(sha256: str) -> str:
    """The name, checked. Raises Permanent."""
    if not is_name(sha256):
        raise Permanent("not the name of an object: 64 lower-case hex digits are wanted")
    return sha256


def missing(sha256: str) -> Permanent:
    """The error for an object that is not held."""
    return Permanent(f"the storage holds no object {sha256}")
