"""While the database is away nothing is acknowledged, and everything goes on by itself when it is back."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import postgres
from tests.crash.plant import Process
from tests.crash.scene import Scene, scene, until
from tests.crash.traffic import Sending


async def refused(here: Scene, sendings: list[Sending]) -> None:
    """Every one of them is put off."""
    for answer in await asyncio.gather(*map(here.once, sendings)):
        assert (answer.status_code, answer.json()["error"]) == (503, "try_later")
        assert int(answer.headers["retry-after"]) > 0


async def taken(here: Scene, sendings: list[Sending], *processes: Process) -> None:
    """Sent again, as a provider would, they are acknowledged by the same processes, and every job ends well."""
    for each in sendings:
        await here.traffic.send(each)
    assert await here.delivered(40)
    assert all(process.popen.poll() is None for process in processes)
    assert here.count().wrong() == {}


async def at_work(here: Scene, first: Sending) -> None:
    """Until every process is past its start, which does need its database: a picture is stored, the duty is taken."""

    async def seen() -> bool:
        query = "SELECT 1 FROM image, duty WHERE sha256 IS NOT NULL"
        return bool(await asyncio.to_thread(here.rows, query))

    await here.traffic.send(first)
    assert await until(seen)


async def _sendings(here: Scene) -> list[Sending]:
    made = [here.traffic.fal, here.traffic.fireworks, here.traffic.runware, here.traffic.upload]
    return [sending for each in made for sending in await each()]


async def test_sqlite_locked_by_another_program(tmp_path: Path) -> None:
    """A backup tool, say, that holds the file for longer than we wait."""
    async with scene(tmp_path) as here:
        web, worker, reconciler = here.web("busy=200"), *_parts(here, "busy=200")
        before = await here.traffic.fal()
        sendings = await _sendings(here)
        await here.up(web)
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await refused(here, before + sendings)
            other.execute("ROLLBACK")
        await taken(here, before + sendings, web, worker, reconciler)


def _parts(here: Scene, *wraps: str) -> tuple[Process, Process]:
    return here.plant.start("worker", wraps=wraps), here.plant.start("reconcile", wraps=wraps)


@contextmanager
def own_server() -> Iterator[postgres.Server]:
    """A PostgreSQL that may be stopped."""
    from receiver.ledger.schema import migrate

    if reason := postgres.missing():
        pytest.skip(reason)
    server = postgres.started()
    migrate(server.url())
    yield server


def cut(server: postgres.Server) -> None:
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                   " AND backend_type = 'client backend'")  # fmt: skip


async def test_postgresql_stopped_and_started(tmp_path: Path) -> None:
    """It goes away in mid-work and comes back: 503 meanwhile, and then on with no restart of ours."""
    with own_server() as server:
        async with scene(tmp_path, server.url()) as here:
            web, worker, reconciler = here.web(), *_parts(here)
            first, sendings = await here.traffic.fal(), await _sendings(here)
            await here.up(web)
            await at_work(here, first[0])
            server.stop()
            await refused(here, sendings)
            assert await until(lambda: _ready(here, web, 503))
            server.start()
            await taken(here, sendings, web, worker, reconciler)
            assert await _ready(here, web, 200)


async def test_postgresql_connections_cut_off(tmp_path: Path) -> None:
    """Every connection is ended by the server, as in a failover; nothing is lost, and nobody is told 500."""
    with own_server() as server:
        async with scene(tmp_path, server.url()) as here:
            web, worker, reconciler = here.web(), *_parts(here)
            first, sendings = await here.traffic.fal(), await _sendings(here)
            await here.up(web)
            await at_work(here, first[0])
            cutting: Callable[[], object] = lambda: cut(server)  # noqa: E731
            sending = asyncio.gather(*map(here.traffic.send, sendings))
            for _ in range(3):
                await asyncio.to_thread(cutting)
            await sending
            await taken(here, [], web, worker, reconciler)


async def _ready(here: Scene, web: Process, status: int) -> bool:
    return (await here.client.get(f"{web.origin}/readyz")).status_code == status
