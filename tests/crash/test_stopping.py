"""Told to stop, every part finishes what it had accepted, gives back what it held, and is gone within the grace."""

import asyncio
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from submitter.cli.ending import AGAIN
from tests.crash.scene import Scene, Slowly, scene, until
from tests.submitter.processes import children

PROMPT = 3.0
"""Seconds from the last request to the end."""
AT_MOST = 8.0


async def test_a_delivery_and_an_upload_under_way_are_finished(tmp_path: Path) -> None:
    """SIGTERM in mid-body: nothing new is accepted, what was begun gets its 200 and 201, and the end is near."""
    async with scene(tmp_path) as here:
        web = here.web()
        (delivery,), (upload,) = await here.traffic.fal(), await here.traffic.upload()
        await here.up(web)
        async with Slowly(web, delivery) as one, Slowly(web, upload) as two:
            web.tell(signal.SIGTERM)
            await here.refuses(web)
            assert (await one.rest(), await two.rest()) == (200, 201)
        began = time.monotonic()
        assert await here.ended(web) == [0]
        assert time.monotonic() - began < PROMPT
        assert len(here.rows("SELECT id FROM delivery WHERE verdict IN ('verified', 'unsigned')")) == 2


async def test_idle_connections_delay_nothing(tmp_path: Path) -> None:
    """Connections that are kept alive, that said nothing yet or half a header, are closed."""
    async with scene(tmp_path) as here:
        web = here.web()
        await here.up(web)
        said = [b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n", b"", b"POST /hooks/fal/x HTTP/1.1\r\nHo"]
        opened = [await asyncio.open_connection("127.0.0.1", web.port) for _ in range(30)]
        for number, (_, writer) in enumerate(opened):
            writer.write(said[number % 3])
        for reader, _ in opened[::3]:
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        began = time.monotonic()
        web.tell(signal.SIGINT)
        assert await here.ended(web) == [0]
        assert time.monotonic() - began < PROMPT
        for _, writer in opened:
            writer.close()


async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """Whoever asks twice does not want to wait; both signals of one moment are one, as Heroku sends some twice."""
    async with scene(tmp_path) as here:
        web = here.web()
        (delivery,) = await here.traffic.fal()
        await here.up(web)
        async with Slowly(web, delivery) as one:
            began = time.monotonic()
            web.tell()
            web.tell()
            await here.refuses(web)
            await until(lambda: asyncio.sleep(0, time.monotonic() - began > AGAIN))
            assert web.popen.poll() is None
            web.tell()
            assert await here.ended(web, seconds=1) == [128 + signal.SIGTERM]
            assert await one.status() == 0
        assert here.rows("SELECT id FROM delivery") == []


async def _collecting(here: Scene) -> None:
    """A picture half downloaded, a question half answered."""
    here.there.slow = asyncio.Event()
    await here.arrive(await here.traffic.fal())
    await here.traffic.asked()
    assert await until(lambda: asyncio.sleep(0, here.there.downloads == 2 and here.there.questions == 1))


async def test_a_download_and_a_question_under_way_are_finished(tmp_path: Path) -> None:
    """SIGTERM while a picture comes and a provider answers: what comes within a moment is kept."""
    async with scene(tmp_path) as here:
        parts = here.plant.start("worker"), here.plant.start("reconcile")
        await _collecting(here)
        for part in parts:
            part.tell()
        assert here.there.slow is not None
        here.there.slow.set()
        assert await here.ended(*parts) == [0, 0]
        assert len(here.rows("SELECT sha256 FROM image WHERE sha256 IS NOT NULL")) == 2
        assert here.rows("SELECT count(*) FROM delivery WHERE kind = 'answer'") == [(1,)]


async def test_what_does_not_come_in_time_is_given_back(tmp_path: Path) -> None:
    """SIGTERM while a picture does not come: the lease is given back, the attempt does not count."""
    async with scene(tmp_path) as here:
        parts = here.plant.start("worker"), here.plant.start("reconcile")
        await _collecting(here)
        began = time.monotonic()
        for part in parts:
            part.tell()
        assert await here.ended(*parts) == [0, 0]
        assert time.monotonic() - began < AT_MOST
        assert here.rows("SELECT leased_by, leased_until, attempts FROM task") == [(None, None, 0)] * 2
        here.there.slow.set() if here.there.slow else None


async def test_a_stopping_house_waits_for_nobody_too_long(tmp_path: Path) -> None:
    """The whole of `serve`, every process told at once as Heroku does: the slow are answered, the stuck are left."""
    async with scene(tmp_path) as here:
        house = here.plant.start()
        (slow,), (stuck,) = await here.traffic.fal(), await here.traffic.fireworks()
        await here.up(house)
        async with Slowly(house, slow) as one, Slowly(house, stuck) as two:
            began = time.monotonic()
            for pid in (*children(house.popen.pid), house.popen.pid):
                os.kill(pid, signal.SIGTERM)
            await here.refuses(house)
            assert await one.rest() == 200
            assert await here.ended(house) == [0]
            assert time.monotonic() - began < AT_MOST
            assert await two.status() == 0


async def test_a_database_that_is_away_delays_no_end(tmp_path: Path) -> None:
    """Where the ledger cannot be written the end comes within the grace, and nothing was acknowledged."""
    async with scene(tmp_path) as here:
        web = here.web("submitter.cli.ending:GRACE=2")
        (delivery,) = await here.traffic.fal()
        await here.up(web)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            async with Slowly(web, delivery) as one:
                answer = asyncio.create_task(one.rest())
                began = time.monotonic()
                web.tell()
                await here.ended(web)
                assert time.monotonic() - began < 2 + PROMPT
                assert await answer in {0, 500, 503}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_has_nothing_to_do_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """Idle worker and reconciler end with status 0, whichever of the two signals comes."""
    async with scene(tmp_path) as here:
        parts = here.plant.start("worker"), here.plant.start("reconcile")
        await here.traffic.asked()
        assert await here.delivered()
        began = time.monotonic()
        for part in parts:
            part.tell(number)
        assert await here.ended(*parts) == [0, 0]
        assert time.monotonic() - began < PROMPT
