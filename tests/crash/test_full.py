"""A disk without room: refused with 503, nothing half-written, and taken when it is sent again and there is room."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.crash.disks import full, room
from tests.crash.scene import Scene, scene

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limit of a running process is set by prlimit(2)")


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "images").rglob("*") if path.is_file()]


async def test_a_folder_without_room(tmp_path: Path) -> None:
    """An upload and a large callback are refused while the folder takes no bytes, and taken afterwards."""
    async with scene(tmp_path) as here:
        web = here.web()
        (upload,) = await here.traffic.upload()
        await here.up(web)
        full(web.popen.pid, 8192)
        answer = await here.once(upload)
        assert (answer.status_code, answer.json()["error"]) == (503, "try_later")
        assert int(answer.headers["retry-after"]) > 0
        assert files(tmp_path) == []
        room(web.popen.pid)
        assert (await here.once(upload)).status_code == 201
        here.plant.start("worker")
        assert await here.delivered()
        assert here.count().wrong() == {}


async def test_a_ledger_without_room(tmp_path: Path) -> None:
    """Callbacks are refused while the SQLite file cannot grow; each that got its 200 is there."""
    async with scene(tmp_path) as here:
        web = here.web()
        sendings = [(await here.traffic.runware())[0] for _ in range(8)]
        await here.up(web)
        for sending in sendings[:2]:
            await here.traffic.send(sending)
        full(web.popen.pid, _largest(tmp_path))
        said = [await here.once(sending) for sending in sendings[2:]]
        assert {answer.status_code for answer in said} <= {200, 503}
        refused = [answer for answer in said if answer.status_code == 503]
        assert len(refused) >= 4
        assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
        assert await _count(here) == 2 + len(said) - len(refused)
        room(web.popen.pid)
        for sending in sendings[2:]:
            await here.traffic.send(sending)
        assert await _count(here) == len(sendings)
        assert here.count().lost == []


def _largest(folder: Path) -> int:
    """What the write-ahead log, which every commit lets grow, has come to."""
    return (folder / "ledger.db-wal").stat().st_size


async def _count(here: Scene) -> int:
    return len(here.rows("SELECT id FROM delivery"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of three megabytes; where we may not mount one, the limits above have to do."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a filesystem needs rights that we have not")
    yield folder
    unmount = ["umount", str(folder)]
    subprocess.run(unmount, check=True)


async def test_a_filesystem_without_room(small: Path) -> None:
    """ENOSPC itself, for ledger and folder on one disk: refused, nothing half-written, and taken when there is room."""
    async with scene(small) as here:
        web = here.web()
        sendings = [*await here.traffic.upload(), *[(await here.traffic.fal())[0] for _ in range(4)]]
        await here.up(web)
        ballast = small / "ballast"
        _fill(ballast)
        assert [(await here.once(sending)).status_code for sending in sendings] == [503] * 5
        assert (await here.client.get(f"{web.origin}/readyz")).status_code == 503
        assert files(small) == []
        assert await _count(here) == 0
        ballast.unlink()
        assert [(await here.once(sending)).is_success for sending in sendings] == [True] * 5
        assert (await here.client.get(f"{web.origin}/readyz")).status_code == 200
        web.tell()
        assert await here.ended(web) == [0]


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
