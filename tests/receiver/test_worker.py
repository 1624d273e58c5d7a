"""The worker at work: what it collects, in which order, never twice, and how it stops."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from receiver import worker as worker_module
from receiver.fetch import Fetcher
from receiver.ledger import database, tables
from receiver.ledger.tasks import LEASE
from receiver.worker import Worker
from tests.receiver.hosting import Host, answer, fetching, hosting
from tests.receiver.house import House, Placed, as_json, done, item, opened, png
from tests.receiver.test_app_faults import locked


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as made:
        yield made


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as made:
        made.answers["/image"] = answer(png())
        yield made


@pytest.fixture
async def fetcher(host: Host) -> AsyncIterator[Fetcher]:
    async with fetching(host) as made:
        yield made


async def announced(house: House, host: Host, path: str = "/image", **ttl: int) -> Placed:
    """A job whose callback named an image on the host; `ttl` is how many seconds its URL lives."""
    job = await house.place("runware", params=ttl)
    assert (await house.post(job, as_json(item(job, imageURL=host.url(path))))).status_code == 200
    return job


def paths(host: Host) -> list[str]:
    return [request.split()[1].decode() for request in host.requests]


def task_of(house: House, job: Placed) -> dict[str, Any]:
    [row] = house.rows(tables.task, job_id=job.id)
    return row


async def test_a_download(house: House, host: Host, fetcher: Fetcher) -> None:
    """The image is fetched, checked and stored byte-exact; its job is delivered and the task gone."""
    job = await house.place()
    await house.fal(job, done(job.request_id, host.url()))
    assert await Worker(house.road, fetcher).run_once() == 1
    view = await house.job(job)
    [image] = view.images
    assert (view.status, view.delivered_at, house.count(job)["tasks"]) == ("delivered", house.clock(), 0)
    assert (image.sha256, image.arrived_by, image.state) == (hashlib.sha256(png()).hexdigest(), "download", "stored")
    assert (image.media_type, image.width, image.height, image.bytes) == ("image/png", 8, 6, len(png()))
    assert await house.road.storage.get(str(image.sha256)) == png()
    assert await Worker(house.road, fetcher).run_once() == 0


async def test_an_upload_is_only_checked(house: House, host: Host, fetcher: Fetcher) -> None:
    """What was PUT to us is taken from storage: nobody is asked for it."""
    job = await house.place("runware", upload=True)
    await house.client.put(job.uploads[0], content=png(kind="WEBP"))
    await house.post(job, as_json(item(job, imageURL=host.url())))
    await Worker(house.road, fetcher).run_once()
    [image] = (await house.job(job)).images
    assert (image.arrived_by, image.media_type, host.requests) == ("upload", "image/webp", [])


async def test_an_upload_that_does_not_come_is_fetched(house: House, host: Host, fetcher: Fetcher) -> None:
    """Callback only: its URL is fetched once the patience is over, and not before."""
    job = await house.place("runware", upload=True)
    await house.post(job, as_json(item(job, imageURL=host.url())))
    worker = Worker(house.road, fetcher)
    house.clock.ahead(seconds=59)
    assert await worker.run_once() == 0
    house.clock.ahead(seconds=1)
    assert await worker.run_once() == 1
    assert (await house.job(job)).images[0].arrived_by == "download"
    late = await house.client.put(job.uploads[0], content=png())
    assert (late.status_code, (await house.job(job)).status) == (201, "delivered")


async def test_earliest_expiry_first(
    house: House, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose URL dies first is fetched first, whenever it came; one without an end of life comes last."""
    monkeypatch.setattr(worker_module, "AT_ONCE", 1)
    lives: dict[str, dict[str, int]] = {"/never": {}, "/late": {"ttl": 900}, "/soon": {"ttl": 90}, "/mid": {"ttl": 300}}
    for path, ttl in lives.items():
        host.answers[path] = answer(png())
        await announced(house, host, path, **ttl)
    assert [await Worker(house.road, fetcher).run_once() for _ in range(5)] == [1, 1, 1, 1, 0]
    assert paths(host) == ["/soon", "/mid", "/late", "/never"]


async def test_two_workers_share(house: House, host: Host, fetcher: Fetcher) -> None:
    """However many workers look at once, each image is fetched by one of them."""
    wanted = [f"/{n}" for n in range(12)]
    for path in wanted:
        host.answers[path] = answer(png())
        await announced(house, host, path)
    workers = [Worker(house.road, fetcher) for _ in range(3)]
    assert sum(await asyncio.gather(*(each.run_once() for each in workers))) == 12
    assert sorted(paths(host)) == sorted(wanted)


async def test_a_dead_workers_task_is_taken_up_again(house: House, host: Host, fetcher: Fetcher) -> None:
    """A lease that runs out is anybody's; when the first comes back after all, the image is stored once."""
    job = await announced(house, host)
    first, second = Worker(house.road, fetcher), Worker(house.road, fetcher)
    [task] = await first._take(1)
    assert not await second.run_once()
    house.clock.ahead(seconds=LEASE.total_seconds())
    assert await second.run_once() == 1
    with capture_logs() as lines:
        await first.work(task)
    assert [line["fresh"] for line in lines if line["event"] == "image stored"] == [False]
    assert (len((await house.job(job)).images), (await house.job(job)).status) == (1, "delivered")


def running(worker: Worker, stop: asyncio.Event) -> asyncio.Task[None]:
    return asyncio.create_task(asyncio.wait_for(worker.run(stop), 10))


async def test_run_works_until_stopped(house: House, host: Host, fetcher: Fetcher) -> None:
    """A running worker takes up what comes in, and finishes what is under way when it is told to stop."""
    stop, served = asyncio.Event(), asyncio.Event()

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(png()))
        served.set()

    host.answers["/image"] = play
    work = running(Worker(house.road, fetcher), stop)
    job = await announced(house, host)
    await asyncio.wait_for(served.wait(), 10)
    stop.set()
    await work
    assert (await house.job(job)).status == "delivered"


async def test_stop_gives_the_leases_back(
    house: House, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be finished in a moment is given back at once, its attempt not counted."""
    monkeypatch.setattr(worker_module, "LAST_MOMENT", 0.01)
    stop, asked = asyncio.Event(), asyncio.Event()

    async def play(_writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    host.answers["/image"] = play
    job = await announced(house, host)
    work = running(Worker(house.road, fetcher), stop)
    await asyncio.wait_for(asked.wait(), 10)
    assert task_of(house, job)["attempts"] == 1
    stop.set()
    await work
    row = task_of(house, job)
    assert (row["leased_by"], row["leased_until"], row["attempts"], row["dead_at"]) == (None, None, 0, None)
    host.answers["/image"] = answer(png())
    assert await Worker(house.road, fetcher).run_once() == 1
    assert (await house.job(job)).status == "delivered"


async def test_an_idle_worker_stops_at_once(house: House, fetcher: Fetcher) -> None:
    """`run` ends as soon as it is told to, also when it was told before it began."""
    stop = asyncio.Event()
    work = running(Worker(house.road, fetcher), stop)
    stop.set()
    await work
    await running(Worker(house.road, fetcher), stop)


async def test_a_ledger_that_does_not_answer_does_not_end_the_worker(
    tmp_path: Path, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked database: no work is taken, no error leaves `run`, and leases that cannot be given back run out."""
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 20)
    async with opened(tmp_path) as house:
        job = await announced(house, host)
        worker, stop = Worker(house.road, fetcher), asyncio.Event()
        with locked(house):
            assert await worker.run_once() == 0
            stop.set()
            await worker.run(stop)
        assert await worker.run_once() == 1
        assert (await house.job(job)).status == "delivered"


async def test_the_end_of_an_attempt_that_cannot_be_written(
    tmp_path: Path, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the ledger takes no rows the task is left to its lease, and collected after it."""
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 20)
    async with opened(tmp_path) as house:
        job, worker = await announced(house, host), Worker(house.road, fetcher)
        [task] = await worker._take(1)
        with locked(house):
            await worker.work(task)
        row = task_of(house, job)
        assert (row["leased_by"], row["dead_at"], row["error"], worker._held) == (worker.name, None, None, set())
        house.clock.ahead(seconds=LEASE.total_seconds())
        assert await worker.run_once() == 1
        assert (await house.job(job)).status == "delivered"


async def test_a_slow_download_keeps_its_lease(
    house: House, host: Host, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a live worker holds is renewed, so no other takes it however long it lasts."""
    monkeypatch.setattr(worker_module, "LEASE", timedelta(seconds=0.03))
    stop, asked, renewed, go = (asyncio.Event() for _ in range(4))
    renew = house.road.ledger.renewed

    async def noticed(*args: Any) -> None:
        await renew(*args)
        if args[2] > house.clock() and asked.is_set():
            renewed.set()

    async def play(writer: asyncio.StreamWriter) -> None:
        house.clock.ahead(hours=1)
        asked.set()
        await go.wait()
        writer.write(answer(png()))

    monkeypatch.setattr(house.road.ledger, "renewed", noticed)
    host.answers["/image"] = play
    job = await announced(house, host)
    work = running(Worker(house.road, fetcher), stop)
    await asyncio.wait_for(renewed.wait(), 10)
    assert task_of(house, job)["leased_until"] > house.clock()
    assert await Worker(house.road, fetcher).run_once() == 0
    stop.set()
    go.set()
    await work
    assert (await house.job(job)).status == "delivered"
