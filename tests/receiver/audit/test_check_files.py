"""Stored files against their rows: what hashes right may still be no picture, or one of another type."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from receiver.audit.check_files import images
from receiver.audit.findings import Report
from receiver.errors import TryLater
from receiver.ledger.trail_reading import ImageFile
from receiver.storage import Memory
from tests.receiver.house import png

PIXELS = 1_000_000


class Away(Memory):
    """A storage that answers, and goes away before a file is decoded."""

    @asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        raise TryLater("the storage does not answer")
        yield Path(sha256)


async def checked(data: bytes, storage: Memory, *, media_type: str = "image/png", times: int = 1) -> Report:
    """What a deep look finds of so many images that this is the file of."""
    kept = await storage.put(data)
    report, rows = Report(), [ImageFile("job", str(n), kept.sha256, len(data), media_type) for n in range(times)]
    await images(rows, storage, report, deep=True, max_pixels=PIXELS)
    return report


async def test_a_good_file_is_decoded_once() -> None:
    """However many images it is the file of."""
    report = await checked(png(), Memory(), times=3)
    assert report.findings == []
    assert (report.checked["images"], report.checked["files rehashed"]) == (3, 1)


@pytest.mark.parametrize(
    ("data", "media_type", "what", "words"),
    [
        (png()[:45], "image/png", "altered", "its file is no picture"),
        (png(), "image/webp", "changed", "its file is image/png, its row says image/webp"),
        (b"no picture", "image/png", "changed", "its file is None, its row says image/png"),
        (png((1200, 1000)), "image/png", "altered", "its file is no picture"),
    ],
    ids=["cut before it was stored", "another type", "no type", "more pixels than MAX_IMAGE_PIXELS"],
)
async def test_a_file_that_is_not_what_its_row_says(data: bytes, media_type: str, what: str, words: str) -> None:
    """Its hash is right: it was stored so, or the row was changed with it."""
    [found] = (await checked(data, Memory(), media_type=media_type)).findings
    assert (found.what, found.where) == (what, "image job/0")
    assert words in found.detail


async def test_a_storage_that_goes_away_accuses_nobody() -> None:
    """What could not be decoded for lack of it is unreadable, not altered."""
    [found] = (await checked(png(), Away())).findings
    assert (found.what, found.where) == ("unreadable", "image job/0")
