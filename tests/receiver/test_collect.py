"""Bytes that a provider put past us, into a slot of the object store: taken once, checked, and never lost."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from receiver import registry
from receiver.collect import collect
from receiver.errors import LedgerBusy, Transient, TryLater
from receiver.fetch import Fetcher
from receiver.ledger import tables
from receiver.ledger.climb import UPLOAD_PATIENCE
from receiver.ledger.tasks import LEASE, Task
from receiver.storage import open_storage, slot
from receiver.wire import schemes
from receiver.wire.types import Delivery, Event, Headers, ImageRef, Kind, Outcome
from receiver.worker import Worker
from tests.objects import ACCOUNT, Objects
from tests.receiver.hosting import Host, answer
from tests.receiver.house import House, Placed, as_json, item, opened, png
from tests.receiver.test_worker import fetcher, host

__all__ = ["fetcher", "host"]
GIVEN = png(color="gold")
OTHER = png(color="navy")


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]


@pytest.fixture
async def house(tmp_path: Path, objects: Objects, prefix: str) -> AsyncIterator[House]:
    async with opened(tmp_path, open_storage(objects.url(prefix), ACCOUNT), max_image_bytes=20_000) as made:
        yield made


async def announced(house: House, data: bytes | None, url: str | None) -> Placed:
    """A job whose image was announced, put to its slot (or not), and is due by now."""
    job = await house.place("runware", upload=True)
    if data is not None:
        there = await house.road.storage.presign_put(slot(job.id, 0), timedelta(hours=1))
        async with httpx.AsyncClient(trust_env=False) as client:
            put = await client.put(str(there), content=data, headers={"content-type": "image/png"})
            put.raise_for_status()
    if url is None:
        await answered(house, job)
    else:
        assert (await house.post(job, as_json(item(job, imageURL=url)))).status_code == 200
    house.clock.ahead(seconds=UPLOAD_PATIENCE.total_seconds())
    return job


async def answered(house: House, job: Placed) -> None:
    """An answer that announces the image without a URL, as Runware's may for what it has put."""
    delivery = Delivery("runware", Kind.ANSWER, job.id, Headers(), b"{}", house.clock())
    event = Event("success", job.id, Outcome.SUCCEEDED, (ImageRef("image-0", place=0),))
    await house.road.believed(registry.provider("runware"), schemes.asked(delivery), (event,))


async def leased(house: House) -> Task:
    now = house.clock()
    [task] = await house.road.ledger.leased("one", now, now + LEASE, 1)
    return task


async def arrived(house: House, job: Placed) -> tuple[str, str | None, str | None]:
    view = await house.job(job)
    [image] = view.images
    return view.status, image.arrived_by, image.sha256


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def slots(objects: Objects, prefix: str) -> list[str]:
    """What is left that is no object."""
    return [key for key in objects.keys(prefix) if key.startswith(("incoming/", "partial/"))]


async def test_what_was_put_is_adopted(
    house: House, host: Host, fetcher: Fetcher, objects: Objects, prefix: str
) -> None:
    """The object becomes ours under its hash, its slot goes, nobody is asked for the URL, the ledger has an upload."""
    job = await announced(house, GIVEN, host.url("/image"))
    assert await Worker(house.road, fetcher).run_once() == 1
    assert await arrived(house, job) == ("delivered", "upload", digest(GIVEN))
    assert (slots(objects, prefix), host.requests) == ([], [])
    kinds = {row["kind"]: row for row in house.rows(tables.delivery, job_id=job.id)}
    assert kinds.keys() == {"hook", "upload"}
    assert (kinds["upload"]["body_sha256"], kinds["upload"]["body_bytes"]) == (digest(GIVEN), len(GIVEN))


@pytest.mark.parametrize("data", [b"no picture", GIVEN[:-30], bytes(20_001)], ids=["no picture", "cut", "too large"])
async def test_what_is_of_no_use_is_fetched_instead(
    house: House, host: Host, fetcher: Fetcher, objects: Objects, prefix: str, data: bytes
) -> None:
    """Junk in a slot costs nothing but itself: the URL brings the picture in the same attempt."""
    host.answers["/image"] = answer(OTHER)
    job = await announced(house, data, host.url("/image"))
    assert await Worker(house.road, fetcher).run_once() == 1
    assert await arrived(house, job) == ("delivered", "download", digest(OTHER))
    assert slots(objects, prefix) == []


async def test_junk_without_a_url_is_a_dead_letter_that_says_why(house: House, fetcher: Fetcher) -> None:
    """Where there is nothing else to try, the reason is about the bytes that came."""
    job = await announced(house, b"no picture", None)
    assert await Worker(house.road, fetcher).run_once() == 1
    [task] = house.rows(tables.task, job_id=job.id)
    assert task["dead_at"] is not None
    assert "no image format" in task["error"]


async def test_a_slot_without_anything_is_fetched(house: House, host: Host, fetcher: Fetcher) -> None:
    """A PUT that never came leaves the URL."""
    host.answers["/image"] = answer(OTHER)
    job = await announced(house, None, host.url("/image"))
    assert await Worker(house.road, fetcher).run_once() == 1
    assert await arrived(house, job) == ("delivered", "download", digest(OTHER))


async def test_dead_before_the_ledger_knew(
    house: House, fetcher: Fetcher, objects: Objects, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the upload is recorded its slot stays, so another worker finds it, URL or no URL."""
    job = await announced(house, GIVEN, None)
    with monkeypatch.context() as patched:
        patched.setattr(house.road.ledger, "record", _away)
        with pytest.raises(LedgerBusy):
            await collect(house.road, fetcher, await leased(house))
    assert slots(objects, prefix) == [f"incoming/{job.id}/0"]
    house.clock.ahead(seconds=LEASE.total_seconds())
    assert await Worker(house.road, fetcher).run_once() == 1
    assert await arrived(house, job) == ("delivered", "upload", digest(GIVEN))
    assert slots(objects, prefix) == []


async def test_dead_before_the_slot_was_cleared(
    house: House, fetcher: Fetcher, objects: Objects, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is recorded the ledger's word counts, and whoever takes over clears the slot."""
    job = await announced(house, GIVEN, None)
    with monkeypatch.context() as patched:
        patched.setattr(house.road.storage, "clear", _gone)
        assert (await collect(house.road, fetcher, await leased(house))).arrived_by == "upload"
    assert slots(objects, prefix) == [f"incoming/{job.id}/0"]
    house.clock.ahead(seconds=LEASE.total_seconds())
    assert await Worker(house.road, fetcher).run_once() == 1
    assert await arrived(house, job) == ("delivered", "upload", digest(GIVEN))
    assert slots(objects, prefix) == []


async def test_bytes_that_were_put_to_us_first_count(
    house: House, fetcher: Fetcher, objects: Objects, prefix: str
) -> None:
    """Different bytes for a filled place are refused here as at our own door; the first ones are the picture."""
    job = await announced(house, GIVEN, None)
    task = await leased(house)
    assert (await house.client.put(job.uploads[0], content=OTHER)).status_code == 201
    with pytest.raises(Transient, match="already filled"):
        await collect(house.road, fetcher, task)
    house.clock.ahead(seconds=LEASE.total_seconds())
    assert await Worker(house.road, fetcher).run_once() == 1
    assert await arrived(house, job) == ("delivered", "upload", digest(OTHER))
    assert slots(objects, prefix) == []


async def _away(*_: object) -> None:
    raise LedgerBusy("the ledger is away")


async def _gone(*_: object) -> None:
    raise TryLater("the store is away")
