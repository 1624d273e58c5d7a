import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from receiver.audit.provenance import credential, reading
from receiver.audit.provenance.credential import Credential
from receiver.errors import TryLater
from receiver.ledger.views import ImageView
from receiver.storage.memory import Memory
from tests.receiver.audit.provenance.making import AI, FORMATS, plain, signed

NOT_HERE = ImageView(2, "1", "announced", None, None, None, None, None, None, None, None, None, None, 0, None)


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    reading._REMEMBERED.clear()
    yield
    reading._REMEMBERED.clear()


async def held(storage: Memory, data: bytes, media_type: str, n: int = 1) -> ImageView:
    stored = await storage.put(data)
    return replace(NOT_HERE, n=n, state="stored", sha256=stored.sha256, media_type=media_type)


async def test_a_storage_without_files_is_read_too() -> None:
    """Each stored image by its number, in whatever storage; one that is not here yet is left out."""
    storage = Memory()
    images = [await held(storage, signed(kind), kind, n) for n, kind in enumerate(FORMATS, 1)]
    found = await reading.of_images(storage, [*images, replace(NOT_HERE, n=9)])
    assert {n: each.credential.state for n, each in found.items()} == dict.fromkeys(range(1, 5), "valid")
    assert {each.source_type for each in found.values()} == {AI}


async def test_a_storage_that_does_not_answer_costs_the_facts_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """TryLater of the storage, or no process to be had: nothing is said of the image, nothing is raised."""
    storage = Memory()
    image = await held(storage, signed("image/png"), "image/png")

    def fails(*_: object) -> None:
        raise TryLater("not now")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "has", fails)
        assert await reading.of_images(storage, [image]) == {}
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert await reading.of_images(storage, [image]) == {}


async def test_what_was_read_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many answers, the oldest go; what could not be made out is tried again."""
    storage = Memory()
    monkeypatch.setattr(reading, "KEPT", 2)
    images = [await held(storage, plain("image/png", side), "image/png", side) for side in (5, 6, 7)]
    assert len(await reading.of_images(storage, images)) == 3
    assert list(reading._REMEMBERED) == [image.sha256 for image in images[1:]]
    monkeypatch.setattr(credential, "read", lambda *_: Credential("unreadable"))
    await reading.of_images(storage, [await held(storage, signed("image/png"), "image/png")])
    assert len(reading._REMEMBERED) == 2


async def test_a_page_waits_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that hangs costs PATIENCE, and what was read before it is shown."""
    storage, over = Memory(), threading.Event()
    images = [await held(storage, data, "image/png", n) for n, data in enumerate((plain("image/png"), b"hangs"), 1)]
    true = reading.read

    def read(path: Path, media_type: str) -> reading.Provenance:
        if path.read_bytes() == b"hangs":
            over.wait(10)
        return true(path, media_type)

    monkeypatch.setattr(reading, "read", read)
    monkeypatch.setattr(reading, "PATIENCE", 0.5)
    async with asyncio.timeout(5):
        assert list(await reading.of_images(storage, images)) == [1]
    over.set()


def test_json_of_what_cannot_be_read_is_null() -> None:
    """Null is told apart from `absent`."""
    assert reading.as_json(None) is None
    absent = reading.as_json(reading.Provenance(credential.ABSENT))
    assert absent is not None
    assert absent["c2pa"] == "absent"
