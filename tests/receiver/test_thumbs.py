"""Thumbnails: what they look like, when they are made, and that nothing ever waits for one or fails with it."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from receiver import thumbs
from receiver.audit import purge
from receiver.audit.findings import Report
from receiver.audit.seal import Sealer
from receiver.audit.verify import Verifier
from receiver.audit.witness import open_witness
from receiver.errors import StorageFull
from receiver.fetch import Fetcher
from receiver.ledger import tables
from receiver.ledger.views import ImageView
from receiver.storage import Folder
from receiver.worker import Worker
from tests.receiver.house import House, Placed, opened, png
from tests.receiver.ledger.conftest import backend, database_url

__all__ = ["backend", "database_url"]


@pytest.fixture
async def house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with opened(tmp_path, database_url=database_url) as made:
        yield made


@pytest.fixture
async def worker(house: House) -> AsyncIterator[Worker]:
    fetcher = Fetcher(allowed=(), max_bytes=1 << 20)
    yield Worker(house.road, fetcher)
    await fetcher.aclose()


def drawn(kind: str, mode: str = "RGB", size: tuple[int, int] = (1200, 600), **more: Any) -> bytes:
    """Red on the left half, blue (or clear) on the right."""
    right: Any = {"RGBA": (0, 0, 255, 0), "L": 40, "I;16": 40 * 256}.get(mode, "blue")
    left: Any = {"RGBA": (255, 0, 0, 255), "L": 200, "I;16": 200 * 256}.get(mode, "red")
    picture = Image.new(mode, size, right)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2 - 1, size[1]), left)
    out = io.BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


async def made(house: House, data: bytes) -> Image.Image:
    """The thumbnail of these bytes, decoded."""
    stored = await house.road.storage.put(data)
    await thumbs.make(house.road, stored.sha256)
    kept = await house.road.storage.derived(stored.sha256)
    assert kept
    return Image.open(io.BytesIO(kept))


async def uploaded(house: House, worker: Worker, data: bytes) -> tuple[Placed, ImageView]:
    """A job whose one image was put to us, checked and stored."""
    job = await house.place("runware", upload=True)
    assert (await house.client.put(job.uploads[0], content=data)).is_success
    await worker.run_once()
    [image] = (await house.job(job)).images
    return job, image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_every_format_becomes_small_webp(house: House, kind: str) -> None:
    """At most 512 pixels a side, the proportions kept, the colours as they were."""
    small = await made(house, drawn(kind))
    assert (small.format, small.size) == ("WEBP", (512, 256))
    left, right = (small.convert("RGB").getpixel((x, 128)) for x in (100, 400))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[0] > 200, left[2] < 60) == (True, True)
    assert (right[2] > 200, right[0] < 60) == (True, True)


async def test_a_small_picture_is_not_enlarged(house: House) -> None:
    """Eight by six stays eight by six."""
    assert (await made(house, png())).size == (8, 6)


async def test_it_stands_upright(house: House) -> None:
    """EXIF says that the camera was held sideways: the red half comes to stand above."""
    exif = Image.Exif()
    exif[0x0112] = 6
    small = await made(house, drawn("JPEG", exif=exif))
    assert small.size == (256, 512)
    above, below = (small.convert("RGB").getpixel((128, y)) for y in (100, 400))
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    assert above[0] > 200
    assert below[2] > 200
    assert not small.getexif()


async def test_what_is_clear_stays_clear(house: House) -> None:
    """Transparency is kept."""
    small = await made(house, drawn("PNG", "RGBA"))
    assert small.mode == "RGBA"
    assert small.getpixel((400, 128))[3] == 0  # type: ignore[index]


async def test_deep_grey_keeps_its_levels(house: House) -> None:
    """16 bits a sample are scaled, not cut off."""
    small = (await made(house, drawn("PNG", "I;16"))).convert("L")
    assert abs(int(small.getpixel((100, 128))) - 200) < 6  # type: ignore[arg-type]
    assert abs(int(small.getpixel((400, 128))) - 40) < 6  # type: ignore[arg-type]


async def test_of_an_animation_the_first_frame(house: House) -> None:
    """One frame, and the first."""
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "blue", "lime")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    small = await made(house, out.getvalue())
    assert getattr(small, "n_frames", 1) == 1
    assert small.convert("RGB").getpixel((32, 32))[0] > 200  # type: ignore[index]


async def test_it_is_made_behind_the_end_of_the_job(house: House, worker: Worker) -> None:
    """The job is delivered before anything is decoded a second time; the original stays as it is."""
    data = drawn("PNG")
    job, image = await uploaded(house, worker, data)
    assert (await house.job(job)).status == "delivered"
    assert await thumbs.thumbnail(house.road, image) is None
    await worker.thumbs.run_once()
    found = await thumbs.thumbnail(house.road, image)
    assert found
    assert image.sha256 is not None
    assert await house.road.storage.get(image.sha256) == data


async def test_a_running_worker_makes_it(house: House, worker: Worker) -> None:
    """Nobody has to ask for it."""
    stop = asyncio.Event()
    job = await house.place("runware", upload=True)
    await house.client.put(job.uploads[0], content=drawn("PNG"))
    work = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(20), house.road.ledger.listening() as ear:
        while not (images := (await house.job(job)).pictures) or not await thumbs.thumbnail(house.road, images[0]):
            await ear.changed(0.05)
    stop.set()
    await work


async def test_a_failed_one_fails_nothing(house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that is full, a picture that no longer decodes: the job is delivered all the same."""
    job, image = await uploaded(house, worker, png())

    async def full(*_: object) -> None:
        raise StorageFull("no room")

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "derive", full)
        await worker.thumbs.run_once()
    assert await thumbs.thumbnail(house.road, image) is None
    held = house.road.storage.path(str(image.sha256))
    assert held is not None
    held.write_bytes(held.read_bytes()[:40])
    await thumbs.make(house.road, str(image.sha256))
    assert await house.road.storage.derived(str(image.sha256)) == thumbs.NONE
    assert (await house.job(job)).status == "delivered"


async def test_who_looks_has_it_made(house: House, worker: Worker) -> None:
    """Of a picture that was stored before: a look leaves a wish, once, and the worker fulfils it; no wish, no task."""
    job, image = await uploaded(house, worker, png())
    assert await thumbs.thumbnail(house.road, image) is None
    assert house.rows(tables.task) == []
    for _ in range(3):
        assert await thumbs.thumbnail(house.road, image, job.id) is None
    assert len(house.rows(tables.task)) == 1
    view = (await house.job(job)).images[0]
    assert (view.state, view.attempts) == ("stored", 0)
    other = Worker(house.road, worker._fetcher)
    await other.run_once()
    assert house.rows(tables.task) == []
    await other.thumbs.run_once()
    assert await thumbs.thumbnail(house.road, image, job.id)
    assert house.rows(tables.task) == []


async def test_what_cannot_be_made_is_not_wished_again(house: House, worker: Worker) -> None:
    """Once tried in vain, a look leaves no wish any more."""
    job, image = await uploaded(house, worker, png())
    await house.road.storage.derive(str(image.sha256), thumbs.NONE)
    assert await thumbs.thumbnail(house.road, image, job.id) is None
    assert house.rows(tables.task) == []


async def test_a_torn_one_is_none(house: House, worker: Worker) -> None:
    """What a crash of the machine cut off is not shown, and made anew."""
    job, image = await uploaded(house, worker, png())
    await worker.thumbs.run_once()
    whole = await house.road.storage.derived(str(image.sha256))
    assert whole
    await house.road.storage.derive(str(image.sha256), whole[:-1])
    assert await thumbs.thumbnail(house.road, image, job.id) is None
    assert len(house.rows(tables.task)) == 1


async def test_a_purge_takes_it_along(house: House, worker: Worker) -> None:
    """Also where the original went before, and a thumbnail that is made meanwhile does not stay; audit agrees."""
    job, image = await uploaded(house, worker, png())
    name = str(image.sha256)
    await worker.thumbs.run_once()
    ledger, settings = house.road.ledger, house.road.settings
    sealer = Sealer(ledger, settings.secrets, "hooks.example/trail", house.clock, open_witness(ledger, settings))
    await sealer.work()
    purger = purge.Purger(ledger, house.road.storage, house.clock)
    await purger.begin(await purger.named([job.id]), "by hand")
    await sealer.work()
    original = house.road.storage.path(name)
    assert original is not None
    original.unlink()  # as if whoever purged had died in between
    await purger.finish()
    assert await house.road.storage.derived(name) is None
    await thumbs.make(house.road, name)
    assert await house.road.storage.derived(name) is None
    report = Report()
    await Verifier(ledger, house.road.storage, settings, house.clock).run(report, deep=True)
    assert report.findings == []


async def test_a_picture_that_is_purged_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original goes while its thumbnail is made: nothing of the picture stays."""
    stored = await house.road.storage.put(png())
    derive = Folder.derive

    async def late(storage: Folder, sha256: str, data: bytes) -> None:
        await storage.delete(sha256)
        await derive(storage, sha256, data)

    monkeypatch.setattr(Folder, "derive", late)
    await thumbs.make(house.road, stored.sha256)
    assert await house.road.storage.derived(stored.sha256) is None


async def test_while_the_worker_is_busy_they_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has a hurry goes first; the newest picture is next; and after its patience one is made all the same."""
    names = [(await house.road.storage.put(png(color=color))).sha256 for color in ("red", "lime", "blue")]
    monkeypatch.setattr(thumbs, "PATIENCE", 3600.0)
    making, idle = thumbs.Thumbs(house.road), asyncio.Event()
    for name in names:
        making.want(name)
    made_in, all_made = list[str](), asyncio.Event()
    derive = Folder.derive

    async def noted(storage: Folder, sha256: str, data: bytes) -> None:
        made_in.append(sha256)
        await derive(storage, sha256, data)
        if len(made_in) == len(names):
            all_made.set()

    monkeypatch.setattr(Folder, "derive", noted)
    run = asyncio.create_task(making.run(idle))
    await asyncio.wait([run], timeout=0.1)
    assert made_in == []
    idle.set()
    await asyncio.wait_for(all_made.wait(), 20)
    assert made_in == names[::-1]
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


async def test_only_so_many_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten: they are made when somebody looks."""
    monkeypatch.setattr(thumbs, "MOST_WAITING", 2)
    names = [(await house.road.storage.put(png(color=color))).sha256 for color in ("red", "lime", "blue")]
    making = thumbs.Thumbs(house.road)
    for name in names:
        making.want(name)
    await making.run_once()
    there = [await house.road.storage.derived(name) is not None for name in names]
    assert there == [False, True, True]
