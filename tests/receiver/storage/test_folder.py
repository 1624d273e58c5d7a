import asyncio
import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from receiver.errors import Misconfigured, StorageFull, TryLater
from receiver.storage import BATCH, Folder, Memory

DONUT = b"donut" * 700_000
NAME = hashlib.sha256(DONUT).hexdigest()
PARTIAL = ".partial"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@contextmanager
def no_file_above(count: int) -> Iterator[None]:
    """The kernel itself refuses larger files, as a full disk or a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_object_stands_under_its_hash(root: Path) -> None:
    """`<root>/<ab>/<sha256>`, the bytes exactly, and no temporary file left."""
    folder = Folder(root)
    await folder.put(DONUT)
    assert files(root) == [f"{NAME[:2]}/{NAME}"]
    assert folder.path(NAME) == root / NAME[:2] / NAME
    async with folder.local(NAME) as path:
        assert path == folder.path(NAME)


async def test_the_same_bytes_again_touch_nothing(root: Path) -> None:
    """A second object of the same bytes is the first one."""
    folder = Folder(root)
    await folder.put(DONUT)
    before = (root / NAME[:2] / NAME).stat()
    await folder.put(DONUT)
    assert (root / NAME[:2] / NAME).stat().st_ino == before.st_ino
    assert files(root) == [f"{NAME[:2]}/{NAME}"]


async def test_a_damaged_object_is_replaced(root: Path) -> None:
    """A file of the wrong length under the name is no reason to drop the good bytes."""
    folder = Folder(root)
    await folder.put(DONUT)
    (root / NAME[:2] / NAME).write_bytes(b"cut")
    await folder.put(DONUT)
    assert await folder.get(NAME) == DONUT


async def test_two_writers_of_the_same_bytes(root: Path) -> None:
    """Racing writers both succeed and leave one object."""
    folder = Folder(root)
    assert {stored.sha256 for stored in await asyncio.gather(*(folder.put(DONUT) for _ in range(8)))} == {NAME}
    assert files(root) == [f"{NAME[:2]}/{NAME}"]


async def test_memory_stays_flat(root: Path) -> None:
    """Fifty megabytes pass through in a few: two batches, one gathered and one in flight."""
    folder, chunk = Folder(root), bytes(65_536)
    async with folder.writer() as writer:
        tracemalloc.start()
        try:
            for _ in range(800):
                await writer.write(chunk)
            stored = await writer.commit()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert stored.bytes == 800 * 65_536
    assert peak < 5 * BATCH


async def test_a_full_disk_is_storage_full_and_leaves_nothing(root: Path) -> None:
    """No room: StorageFull, at whichever chunk it shows, and no half-written file."""
    folder = Folder(root)
    with no_file_above(2 * BATCH), pytest.raises(StorageFull):
        await folder.put(DONUT)
    assert files(root) == []
    await folder.put(DONUT)
    assert files(root) == [f"{NAME[:2]}/{NAME}"]


async def test_no_commit_after_a_failed_write(root: Path) -> None:
    """A writer that swallowed StorageFull cannot commit what is left."""
    folder = Folder(root)
    async with folder.writer() as writer:
        with no_file_above(BATCH // 2), pytest.raises(StorageFull):
            await writer.write(bytes(3 * BATCH))
        with pytest.raises(StorageFull):
            await writer.commit()
    assert files(root) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
async def test_a_disk_that_fails_at_the_end(root: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """An error that only fsync reports is StorageFull too, and the object was never there."""
    folder = Folder(root)

    def broken(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageFull):
        await folder.put(DONUT)
    with pytest.raises(StorageFull):
        await folder.ready()
    assert files(root) == []


async def test_not_ready_where_it_cannot_write(root: Path) -> None:
    """Readiness really writes: a folder that is gone, or full, does not pass."""
    folder = Folder(root)
    with no_file_above(0), pytest.raises(StorageFull):
        await folder.ready()
    (root / PARTIAL).rmdir()
    with pytest.raises(StorageFull):
        await folder.ready()


async def test_a_disk_that_does_not_give_is_asked_later(root: Path) -> None:
    """Only what is not there is Permanent; a read that fails may work tomorrow."""
    folder = Folder(root)
    (root / NAME[:2] / NAME).mkdir(parents=True)
    with pytest.raises(TryLater):
        await folder.get(NAME)


async def test_cancelled_in_the_middle_leaves_nothing(root: Path) -> None:
    """A time-out while a batch is in flight waits for its thread, then removes the file."""
    folder, begun = Folder(root), asyncio.Event()

    async def upload() -> None:
        async with folder.writer() as writer:
            while True:
                await writer.write(bytes(BATCH))
                begun.set()

    task = asyncio.create_task(upload())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(root) == []


def test_opening_sweeps_what_crashes_left(root: Path) -> None:
    """Temporary files older than a day have no living writer; younger ones may have."""
    Folder(root)
    old, young = root / PARTIAL / "old", root / PARTIAL / "young"
    old.touch()
    young.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    Folder(root)
    assert files(root) == [f"{PARTIAL}/young"]


def test_a_folder_that_cannot_be_is_misconfigured(tmp_path: Path) -> None:
    """Where a file stands no folder can be: said at the start, naming the setting."""
    (tmp_path / "taken").touch()
    with pytest.raises(Misconfigured, match=r"^STORAGE_URL: "):
        Folder(tmp_path / "taken" / "images")


CRASH = """
import asyncio, os, signal, sys
from pathlib import Path
import receiver.storage.partial as steps
from receiver.storage import Folder

left = int(sys.argv[2])

def dying(step):
    def take(*args, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*args, **more)
    return take

folder = Folder(Path(sys.argv[1]))
os.fsync = dying(os.fsync)
Path.mkdir, Path.replace, Path.unlink = dying(Path.mkdir), dying(Path.replace), dying(Path.unlink)
steps.begin = dying(steps.begin)
asyncio.run(folder.put(b"donut" * 700_000))
print("committed")
"""


def test_killed_at_any_step_leaves_all_or_nothing(root: Path) -> None:
    """SIGKILL before each step in turn: what stands under a hash has that hash; what was acknowledged stands."""
    for step in range(20):
        child = subprocess.run(
            [sys.executable, "-c", CRASH, str(root), str(step)], capture_output=True, text=True, check=False, timeout=60
        )
        objects = [root / name for name in files(root) if not name.startswith(PARTIAL)]
        assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in objects)
        if child.returncode == 0:
            assert child.stdout == "committed\n"
            assert [path.name for path in objects] == [NAME]
            break
        assert child.returncode == -signal.SIGKILL, child.stderr
        for path in objects:
            path.unlink()
    else:
        pytest.fail("never got to the end")
    assert step > 5


async def test_memory_with_a_bound_is_full_like_a_disk() -> None:
    """The storage for tests can play a full disk."""
    memory = Memory(room=8)
    await memory.put(b"donut")
    await memory.put(b"donut")
    with pytest.raises(StorageFull):
        await memory.put(b"kitchen")
    async with memory.writer() as writer:
        with pytest.raises(StorageFull):
            await writer.write(b"kitchen")
    await memory.put(b"egg")
    with pytest.raises(StorageFull):
        await memory.ready()
