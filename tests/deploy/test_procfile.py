"""The Procfile, run as a platform runs it: settings from the environment, an empty disk at each start, SIGTERM."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.backends import database
from tests.crash.plant import Process
from tests.crash.scene import Scene, Slowly, scene
from tests.submitter.processes import ROOT, children, free_port, gone

PROCFILE = ROOT / "Procfile"
LIMIT = 512 * 2**20
"""Bytes of memory that the smallest machines have, here for all of it together."""


@contextmanager
def running(here: Scene, number: int, *processes: str) -> Iterator[Process]:
    """honcho with these lines of the Procfile, on a disk on which nothing is."""
    disk, port = here.plant.folder / f"disk-{number}", free_port()
    disk.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = here.plant.environment(port) | {"PATH": path, "DYNO": "web.1"}
    command = [sys.executable, "-m", "honcho", "-f", str(PROCFILE), "-d", str(disk), "start", *processes]
    log = here.plant.folder / f"honcho-{number}.log"
    with log.open("wb") as out:
        popen = subprocess.Popen(command, cwd=disk, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    process = Process(f"honcho-{number}", port, popen, log)
    here.traffic.origins[:] = [process.origin]
    try:
        yield process
    finally:
        for pid in (*tree(popen.pid), popen.pid):
            if popen.poll() is None:
                os.kill(pid, signal.SIGKILL)
        popen.wait()


def tree(pid: int) -> list[int]:
    """Every process below one."""
    return [each for child in children(pid) for each in (child, *tree(child))]


def resident(pid: int) -> int:
    """Bytes of memory of a process and all below it; what they share is counted each time."""
    total = 0
    for each in (pid, *tree(pid)):
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{each}/status").read_text().splitlines())
        total += int(lines.get("VmRSS", "0 kB").split()[0]) * 1024
    return total


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
async def test_nothing_is_lost_over_restarts(tmp_path: Path) -> None:
    """Each start is on an empty disk and ended by SIGTERM in mid-delivery: every job is delivered, in 512 MB."""
    with database("postgres", tmp_path) as url:
        async with scene(tmp_path, url) as here:
            with running(here, 0, "release") as release:
                assert await here.ended(release, seconds=30) == [0], release.said()
            for number in (1, 2):
                await _one_life(here, number)
            with running(here, 3, "web", "worker", "clock") as last:
                await here.up(last)
                assert await here.delivered(), last.said()
            assert here.count().wrong() == {}


async def _one_life(here: Scene, number: int) -> None:
    with running(here, number, "web", "worker", "clock") as house:
        await here.up(house)
        (slow,) = await here.traffic.fal()
        async with Slowly(house, slow) as one:
            await asyncio.gather(*(here.traffic.job() for _ in range(20)))
            assert resident(house.popen.pid) < LIMIT
            parts = tree(house.popen.pid)
            house.tell(signal.SIGTERM)
            await here.refuses(house)
            assert await one.rest() == 200
        assert await here.ended(house) == [128 + signal.SIGTERM], house.said()
        assert all(map(gone, parts)), house.said()
