"""How an attempt ends: tried again with growing waits, or a dead letter; and bytes that turn out to be no image."""

import asyncio
import base64
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from receiver import registry
from receiver import worker as worker_module
from receiver.errors import LedgerBusy
from receiver.fetch import Fetcher
from receiver.ledger import tables
from receiver.storage import Memory
from receiver.worker import MOST_ATTEMPTS, Worker
from tests.receiver.hosting import HTML, Host, answer
from tests.receiver.house import House, as_json, configured, done, item, opened, png
from tests.receiver.test_worker import announced, fetcher, host, house, paths, task_of

__all__ = ["fetcher", "host", "house"]
BROKEN = png((40, 40))[:-30]
"""Begins as a PNG, and does not decode."""


def worker_of(house: House, fetcher: Fetcher) -> Worker:
    """A worker without luck in its waits."""
    return Worker(house.road, fetcher, jitter=lambda: 1.0)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"", 500),
        answer(b"", 503),
        answer(b"", 429),
        answer(b"", 408),
        answer(png(), length=10_000),
        b"",
        b"junk",
    ],
    ids=["500", "503", "429", "408", "cut short", "closed", "no HTTP"],
)
async def test_what_may_pass_is_tried_again(house: House, host: Host, fetcher: Fetcher, reply: bytes) -> None:
    """The host's trouble is no end: the task waits, free of its lease, and the next attempt brings the image."""
    job, host.answers["/image"] = await announced(house, host), reply
    worker = worker_of(house, fetcher)
    assert await worker.run_once() == 1
    row = task_of(house, job)
    assert (row["due_at"] - house.clock(), row["leased_by"], row["dead_at"]) == (timedelta(seconds=1), None, None)
    assert "localhost" in row["error"]
    assert await worker.run_once() == 0
    house.clock.ahead(seconds=1)
    host.answers["/image"] = answer(png())
    assert await worker.run_once() == 1
    assert (await house.job(job)).status == "delivered"


async def test_waits_grow_until_attempts_run_out(house: House, host: Host, fetcher: Fetcher) -> None:
    """Each wait is twice the last, at most a minute; after the last attempt the task is a dead letter and says so."""
    job, host.answers["/image"] = await announced(house, host), answer(b"", 500)
    worker, waits = worker_of(house, fetcher), []
    with capture_logs() as lines:
        while await worker.run_once() and task_of(house, job)["dead_at"] is None:
            waits.append((task_of(house, job)["due_at"] - house.clock()).total_seconds())
            house.clock.ahead(seconds=waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 60]
    assert len(paths(host)) == MOST_ATTEMPTS == len(waits) + 1
    assert task_of(house, job)["error"].startswith(f"after {MOST_ATTEMPTS} attempts: ")
    assert [line["mend"] for line in lines if line["event"] == "dead letter"] == [f"proofhook retry {job.id}"]
    assert (await house.job(job)).stuck


async def test_waits_are_bounded_by_the_urls_life(house: House, host: Host, fetcher: Fetcher) -> None:
    """No wait is longer than a third of what is left of the URL's life: the last attempts come before its end."""
    job, host.answers["/image"] = await announced(house, host, ttl=30), answer(b"", 500)
    worker = worker_of(house, fetcher)
    ends = house.clock() + timedelta(seconds=30)
    for _ in range(MOST_ATTEMPTS - 1):
        await worker.run_once()
        left, wait = ends - house.clock(), task_of(house, job)["due_at"] - house.clock()
        assert timedelta(0) < wait <= left / 3
        house.clock.now += wait
    assert house.clock() < ends


async def test_a_dead_urls_task_still_waits(house: House, host: Host, fetcher: Fetcher) -> None:
    """Past the URL's announced end attempts go on at the usual pace: the announcement may have been wrong."""
    job, host.answers["/image"] = await announced(house, host, ttl=60), answer(b"", 500)
    house.clock.ahead(seconds=61)
    await worker_of(house, fetcher).run_once()
    assert task_of(house, job)["due_at"] == house.clock() + timedelta(seconds=1)


@pytest.mark.parametrize(
    "reply",
    [answer(b"", 404), answer(b"", 403), answer(b"", 410), answer(HTML, content_type="image/png"), answer(b""),
     answer(b"<svg/>"), answer(png(), length=2_000_000), answer(png() + b"\0" * 1_000_001, length=None)],
    ids=["404", "403", "410", "HTML", "empty", "SVG", "declared too large", "too large"],
)  # fmt: skip
async def test_what_no_attempt_mends_is_a_dead_letter(house: House, host: Host, fetcher: Fetcher, reply: bytes) -> None:
    """Gone, no image, too large: buried at once, nothing stored; `retry` takes it up again."""
    job, host.answers["/image"] = await announced(house, host), reply
    worker = worker_of(house, fetcher)
    assert await worker.run_once() == 1
    row = task_of(house, job)
    assert (row["dead_at"], row["leased_by"], row["attempts"]) == (house.clock(), None, 1)
    house.clock.ahead(days=1)
    assert (await worker.run_once(), len(paths(host))) == (0, 1)
    assert [path for path in (house.folder / "images").rglob("*") if path.is_file()] == []
    host.answers["/image"] = answer(png())
    assert await house.road.ledger.retried(job.id, house.clock()) == 1
    assert await worker.run_once() == 1
    assert (await house.job(job)).status == "delivered"


async def test_a_host_that_nobody_allowed(house: House, fetcher: Fetcher) -> None:
    """A believed callback may still name any URL: what is not on a list is never asked."""
    job = await house.place("runware")
    await house.post(job, as_json(item(job, imageURL="http://127.0.0.1:1/latest/meta-data")))
    await worker_of(house, fetcher).run_once()
    assert "IMAGE_HOSTS" in task_of(house, job)["error"]
    assert task_of(house, job)["dead_at"] is not None


async def test_a_download_that_does_not_decode_is_tried_again(house: House, host: Host, fetcher: Fetcher) -> None:
    """A file cut short under a true Content-Length: the next attempt may bring it whole."""
    job, host.answers["/image"] = await announced(house, host), answer(BROKEN)
    worker = worker_of(house, fetcher)
    await worker.run_once()
    assert ((await house.job(job)).status, task_of(house, job)["dead_at"]) == ("succeeded", None)
    house.clock.ahead(seconds=1)
    host.answers["/image"] = answer(png())
    await worker.run_once()
    assert (await house.job(job)).status == "delivered"


async def test_a_spoiled_upload_is_fetched_instead(house: House, host: Host, fetcher: Fetcher) -> None:
    """Staged bytes that do not decode are let go of, and the URL of the callback is fetched."""
    job = await house.place("runware", upload=True)
    assert (await house.client.put(job.uploads[0], content=BROKEN)).status_code == 201
    await house.post(job, as_json(item(job, imageURL=host.url())))
    worker = worker_of(house, fetcher)
    await worker.run_once()
    [image] = house.rows(tables.image)
    assert (image["staged_sha256"], image["sha256"], paths(host)) == (None, None, [])
    house.clock.ahead(seconds=1)
    await worker.run_once()
    assert ((await house.job(job)).images[0].arrived_by, (await house.job(job)).status) == ("download", "delivered")


@pytest.mark.parametrize("then", ["put", "callback"])
async def test_a_spoiled_upload_without_a_url(house: House, host: Host, fetcher: Fetcher, then: str) -> None:
    """With nothing to fetch it is a dead letter, until a good PUT or a callback brings the image to life."""
    job = await house.place("runware", upload=True)
    await house.client.put(job.uploads[0], content=BROKEN)
    worker = worker_of(house, fetcher)
    await worker.run_once()
    assert (await house.job(job)).stuck
    if then == "put":
        assert (await house.client.put(job.uploads[0], content=png())).status_code == 201
    else:
        await house.post(job, as_json(item(job, imageURL=host.url())))
        house.clock.ahead(minutes=1)
    assert await worker.run_once() == 1
    view = await house.job(job)
    assert (view.status, view.stuck) == ("delivered", False)


async def test_bytes_in_a_callback_that_are_no_picture(house: House, fetcher: Fetcher) -> None:
    """A data URI may call anything a PNG: it is let go of, and `retry` finds nothing to try."""
    job = await house.place()
    await house.fal(job, done(job.request_id, f"data:image/png;base64,{base64.b64encode(HTML).decode()}"))
    worker = worker_of(house, fetcher)
    for said in ("no image format", "neither a URL nor bytes"):
        assert await worker.run_once() == 1
        assert said in task_of(house, job)["error"]
        assert (await house.job(job)).stuck
        await house.road.ledger.retried(job.id, house.clock())


async def test_a_full_storage_is_tried_again(tmp_path: Path, host: Host, fetcher: Fetcher) -> None:
    """A storage that takes nothing is our fault and may pass: the task waits."""
    async with opened(tmp_path, Memory(room=10)) as house:
        job = await announced(house, host)
        await worker_of(house, fetcher).run_once()
        row = task_of(house, job)
        assert (row["dead_at"], row["leased_by"]) == (None, None)
        assert row["due_at"] > house.clock()


async def test_staged_bytes_that_are_gone(house: House, fetcher: Fetcher) -> None:
    """A file that somebody deleted from storage is a dead letter, not an endless loop."""
    job = await house.place("runware", upload=True)
    sha256 = (await house.client.put(job.uploads[0], content=png())).json()["sha256"]
    await house.road.storage.delete(sha256)
    await worker_of(house, fetcher).run_once()
    assert sha256 in task_of(house, job)["error"]
    assert task_of(house, job)["dead_at"] is not None


async def test_too_many_pixels(tmp_path: Path, fetcher: Fetcher) -> None:
    """A picture above MAX_IMAGE_PIXELS is a dead letter, before it is decoded."""
    assert configured(tmp_path).max_image_pixels > 10_000
    async with opened(tmp_path, max_image_pixels=10_000) as house:
        job = await house.place("runware", upload=True)
        await house.client.put(job.uploads[0], content=png((101, 100)))
        await worker_of(house, fetcher).run_once()
        assert "MAX_IMAGE_PIXELS" in task_of(house, job)["error"]
        assert (await house.job(job)).stuck


async def test_a_defect_harms_one_task_only(
    house: House, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is logged with its job and costs that task an attempt; the others are done."""
    bad, good = await house.place(), await announced(house, host)
    await house.fal(bad)
    left = {name: each for name, each in registry.providers().items() if name != "fal"}
    monkeypatch.setattr(registry, "providers", lambda: left)
    with capture_logs() as lines:
        assert await asyncio.wait_for(worker_of(house, fetcher).run_once(), 10) == 2
    assert [line["job"] for line in lines if line["log_level"] == "error"] == [bad.id]
    assert (await house.job(good)).status == "delivered"
    assert (task_of(house, bad)["leased_until"], task_of(house, bad)["attempts"]) == (None, 1)
    assert "defect" in task_of(house, bad)["error"]


async def test_leases_that_cannot_be_renewed(house: House, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that is busy when leases are renewed is asked again; the worker goes on."""
    monkeypatch.setattr(worker_module, "LEASE", timedelta(seconds=0.03))
    stop, tried = asyncio.Event(), asyncio.Semaphore(0)

    async def busy(*_args: object) -> None:
        tried.release()
        raise LedgerBusy("not now")

    monkeypatch.setattr(house.road.ledger, "renewed", busy)
    work = asyncio.create_task(worker_of(house, fetcher).run(stop))
    async with asyncio.timeout(10):
        await tried.acquire()
        await tried.acquire()
        stop.set()
        await work
