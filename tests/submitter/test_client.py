"""`Submitter` and `submit_sync`: what waiting for a job gives, and when it ends."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from receiver.errors import BadOrder, LedgerBusy, Misconfigured, NoSuchJob
from receiver.fetch import Fetcher
from receiver.worker import Worker
from submitter import Submitter, submit_sync
from tests.submitter.desk import NOW, House, arrange, open_house, picture, say, script

LONG = 20.0
"""Seconds after which a wait that should have ended fails its test."""


@asynccontextmanager
async def working(house: House) -> AsyncIterator[Worker]:
    """A worker that may fetch from nowhere but the providers' own hosts."""
    fetcher = Fetcher(max_bytes=10_000)
    try:
        yield Worker(house.road, fetcher)
    finally:
        await fetcher.aclose()


def _inline(job_id: str, data: bytes) -> dict[str, str]:
    return {"taskUUID": job_id, "imageUUID": "one", "imageBase64Data": base64.b64encode(data).decode()}


async def test_wait_ends_when_the_image_is_here(tmp_path: Path) -> None:
    """A delivered job's images carry the path of a file with the very bytes that came."""
    async with open_house(tmp_path) as house, working(house) as worker:
        job = await house.submitter.submit("runware", prompt="a donut")
        waiting = asyncio.create_task(job.wait(LONG))
        await house.hook("runware", job.id, _inline(job.id, picture()))
        assert (await job.now()).images[0].path is None
        await worker.run_once()
        done = await waiting

        [image] = done.images
        assert (done.status, done.delivered_at) == ("delivered", NOW)
        assert image.path is not None
        assert image.path.read_bytes() == picture()
        assert (image.sha256, image.arrived_by) == (image.path.name, "inline")


async def test_a_storage_without_files_has_no_paths(tmp_path: Path) -> None:
    """Where images do not stand in files, `path` is None and the hash is there all the same."""
    async with open_house(tmp_path, storage_url="memory:") as house, working(house) as worker:
        job = await house.submitter.submit("runware", prompt="a donut")
        await house.hook("runware", job.id, _inline(job.id, picture()))
        await worker.run_once()

        [image] = (await job.wait(LONG)).images
        assert (image.path, image.state) == (None, "stored")


async def test_wait_ends_with_a_refusal(tmp_path: Path) -> None:
    """A job that was refused is over when `submit` returns: the error is in the job, and nothing is raised."""
    async with open_house(tmp_path, script(say({"message": "no money"}, 403))) as house:
        job = await house.submitter.submit("vtrix", prompt="a donut")
        done = await job.wait(LONG)

        assert (done.status, done.error) == ("failed", {"code": "http_403", "message": "no money"})


async def test_wait_ends_with_the_deadline(tmp_path: Path) -> None:
    """An expired job ends the wait."""
    async with open_house(tmp_path) as house:
        job = await house.submitter.submit("fal", prompt="a donut", images=["https://example.test/in.png"])
        await house.ledger.expired(NOW + timedelta(hours=2))

        assert (await job.wait(LONG)).status == "expired"


async def test_wait_ends_with_a_dead_letter(tmp_path: Path) -> None:
    """An image that cannot be had ends the wait: nothing more happens until somebody says `retry`."""
    async with open_house(tmp_path) as house, working(house) as worker:
        job = await house.submitter.submit("fal", prompt="a donut", images=["https://example.test/in.png"])
        await house.fal_hook(job.id, payload={"images": [{"url": "https://evil.example.test/a.png"}]})
        await worker.run_once()
        done = await job.wait(LONG)

        assert (done.status, done.stuck, done.images[0].state) == ("succeeded", True, "dead")


async def test_wait_is_bounded_and_can_be_taken_up_again(tmp_path: Path) -> None:
    """After `timeout` seconds TimeoutError; the job goes on, and its end ends the next wait."""
    async with open_house(tmp_path) as house, working(house) as worker:
        job = await house.submitter.submit("runware", prompt="a donut")
        with pytest.raises(TimeoutError):
            await job.wait(0.01)
        await house.hook("runware", job.id, _inline(job.id, picture()))
        await worker.run_once()

        assert (await job.wait(LONG)).status == "delivered"


async def test_a_job_of_another_process_can_be_waited_for(tmp_path: Path) -> None:
    """Whoever has the id and the same ledger may wait; an id that nobody knows is NoSuchJob."""
    async with open_house(tmp_path, script(say({}, 400))) as house, open_house(tmp_path) as other:
        job = await house.submitter.submit("fireworks", prompt="a donut")

        assert (await other.submitter.job(job.id).wait(LONG)).status == "failed"
        with pytest.raises(NoSuchJob):
            await other.submitter.job("no-such-job").wait(LONG)


async def test_every_named_option_reaches_the_order(tmp_path: Path) -> None:
    """The named options are translated to the provider's own words; tags stay ours."""
    async with open_house(tmp_path) as house:
        (tmp_path / "in.png").write_bytes(picture())
        job = await house.submitter.submit(
            "runware", prompt="a donut", images=[tmp_path / "in.png", "https://example.test/in.png"], seed=7,
            aspect_ratio="16:9", output_format="webp", n=2, safety=0, upsample=True, model="bfl:3@1",
            params={"outputQuality": 90}, tags={"for": "test"},
        )  # fmt: skip

        [[task]] = house.wire.bodies()
        assert (task["seed"], task["outputFormat"], task["numberResults"], task["outputQuality"]) == (7, "WEBP", 2, 90)
        assert task["providerSettings"] == {"bfl": {"promptUpsampling": True, "safetyTolerance": 0}}
        assert task["inputs"]["referenceImages"][1] == "https://example.test/in.png"
        assert ((await job.now()).tags, (await job.now()).expected) == ({"for": "test"}, 2)


async def test_leaving_closes_the_desk(tmp_path: Path) -> None:
    """At the end of `async with` what waits is written, and nothing is taken any more."""
    async with open_house(tmp_path) as house:
        async with Submitter(desk=house.desk) as submitter:
            job = await submitter.submit("vtrix", prompt="a donut")
        assert house.row(job.id)["status"] == "submitted"

        with pytest.raises(LedgerBusy):
            await submitter.submit("vtrix", prompt="a donut")


def test_a_wrong_setting_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the environment; a wrong one is Misconfigured before anything is opened."""
    arrange(monkeypatch, tmp_path)
    monkeypatch.setenv("DATABASE_URL", "mysql://nowhere")

    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        Submitter()


@contextmanager
def serving(status: int, body: object) -> Iterator[tuple[str, list[str]]]:
    """A real provider on loopback: its address, and the paths it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            paths.append(self.path)
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", paths
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a script: everything from variables, and a proxy that must not be asked for loopback."""
    arrange(monkeypatch, tmp_path)
    monkeypatch.setenv("STORAGE_URL", "memory:")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_submit_sync_sends_and_waits(plain: pytest.MonkeyPatch) -> None:
    """Plain code, a real connection: one call sends the job and gives its end; loopback needs no proxy."""
    with serving(403, {"error": {"code": "balance", "message": "no money"}}) as (address, paths):
        plain.setenv("VTRIX_URL", address)
        done = submit_sync("vtrix", prompt="a donut", timeout=LONG)

    assert (done.status, done.error) == ("failed", {"code": "balance", "message": "no money"})
    assert paths == ["/model/v1/generation"]


def test_submit_sync_is_bounded(plain: pytest.MonkeyPatch) -> None:
    """The timeout bounds the wait in plain code, too."""
    with serving(200, {"id": "request-1"}) as (address, _):
        plain.setenv("VTRIX_URL", address)
        with pytest.raises(TimeoutError):
            submit_sync("vtrix", prompt="a donut", timeout=0.05)


def test_submit_sync_refuses_a_bad_order(plain: pytest.MonkeyPatch) -> None:
    """What cannot be done is a sentence in plain code, too."""
    with pytest.raises(BadOrder, match="makes one image per job"):
        submit_sync("vtrix", prompt="a donut", n=2)
