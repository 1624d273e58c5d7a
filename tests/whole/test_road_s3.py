"""From order to picture with an object store: by download, by PUT through us, and by PUT past us."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from receiver.ledger import climb
from receiver.ledger.views import JobView
from tests.objects import Objects
from tests.whole.stage import PATIENCE, House, open_house
from tests.whole.test_road import send

PAST_US = {"n": 2, "upload": True}


@pytest.fixture
def at(objects: Objects, tmp_path: Path) -> dict[str, Any]:
    """Settings of a house that stores in a prefix of its own."""
    return objects.settings(f"whole-{tmp_path.name}")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put past us is looked for when the patience is over, and here nobody waits for a minute."""
    monkeypatch.setattr(climb, "UPLOAD_PATIENCE", timedelta(seconds=0.2))


async def whole(house: House, view: JobView, expected: int, way: str) -> None:
    """Every picture stands in the store under its hash, with the pixels that the ledger tells."""
    assert view.status == "delivered", (view.error, view.images)
    assert [image.arrived_by for image in view.images] == [way] * expected
    for image in view.images:
        assert image.path is None
        async with house.road.storage.local(str(image.sha256)) as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == image.sha256
            with Image.open(path) as picture:
                assert picture.size == (image.width, image.height)


async def statuses(house: House) -> list[int]:
    """What the provider was told for each PUT."""
    return [attempt["status"] for job in await house.sandbox_jobs() for attempt in job["uploads"]]


def left(objects: Objects, at: dict[str, Any]) -> set[str]:
    """What stands below our prefix and is no object by its hash, nor a thumbnail, which comes when there is time."""
    keys = objects.keys(at["storage_url"].partition("images/")[2].partition("?")[0])
    return {key for key in keys if len(key) != 67 and not key.startswith("derived/")}


async def test_downloads_and_uploads_end_in_the_store(tmp_path: Path, objects: Objects, at: dict[str, Any]) -> None:
    """fal by download, Runware by PUT to our own door: both delivered, and nothing else is left behind."""
    async with open_house(tmp_path, **at) as house:
        await whole(house, await send(house, "fal", {"n": 2, "pictured": True}), 2, "download")
        await whole(house, await send(house, "runware", PAST_US), 2, "upload")
    assert left(objects, at) == set()


async def test_a_picture_that_never_passes_through_us(tmp_path: Path, objects: Objects, at: dict[str, Any]) -> None:
    """The provider PUTs to URLs of the store's own; the callback has us adopt what is there, written down as upload."""
    async with open_house(tmp_path, uploads_to="storage", **at) as house:
        view = await send(house, "runware", PAST_US)
        await whole(house, view, 2, "upload")
        assert await statuses(house) == [200, 200]  # the store's answer: our own door says 201
    assert left(objects, at) == set()
    assert {one.kind for one in view.deliveries} == {"hook", "upload"}


async def test_without_a_callback_the_answer_adopts_it(tmp_path: Path, objects: Objects, at: dict[str, Any]) -> None:
    """Where no callback comes, the provider is asked, and what it has put by then is taken."""
    async with open_house(tmp_path, uploads_to="storage", faults={"lost": 0}, **at) as house:
        job = await house.submitter.submit("runware", prompt="a donut", upload=True)
        await house.until(job, lambda view: view.status == "submitted")
        async with asyncio.timeout(PATIENCE):
            while not await statuses(house):
                await asyncio.sleep(0.02)
        await house.road.ledger.retried(job.id, house.road.clock())
        await whole(house, await house.ends(job), 1, "upload")
    assert left(objects, at) == set()


async def test_a_put_that_never_comes_is_fetched(tmp_path: Path, objects: Objects, at: dict[str, Any]) -> None:
    """The URL of the callback still brings the picture."""
    async with open_house(tmp_path, uploads_to="storage", faults={"put_never": 0}, **at) as house:
        await whole(house, await send(house, "runware", PAST_US), 2, "download")
    assert left(objects, at) == set()
