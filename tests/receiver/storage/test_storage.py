"""The contract of a storage: one suite, every backend."""

import hashlib
import random
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.errors import Misconfigured, Permanent
from receiver.storage import BATCH, Folder, Memory, Storage, open_storage, slot
from tests.objects import ACCOUNT

NOBODY = "0" * 64
JUNK_NAMES = ["", "abc", "../../etc/passwd", NOBODY.replace("0", "A"), NOBODY + "\n", NOBODY[:-1], "/" + NOBODY[1:]]
BACKENDS = ("folder", "memory", "s3")


@pytest.fixture(params=BACKENDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    match request.param:
        case "folder":
            return Folder(tmp_path / "images")
        case "memory":
            return Memory()
        case _:
            return open_storage(request.getfixturevalue("objects").url(), ACCOUNT)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)  # noqa: S311 - a fixed seed is the point


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 7])
@pytest.mark.parametrize("chunk", [65_536, BATCH, 1_000_003, 4 * BATCH])
async def test_bytes_come_back_as_they_went_in(storage: Storage, count: int, chunk: int) -> None:
    """However bytes are cut into chunks, the object is those bytes, named by their SHA-256."""
    data = noise(count)
    async with storage.writer() as writer:
        for start in range(0, count, chunk):
            await writer.write(data[start : start + chunk])
        stored = await writer.commit()
    assert (stored.sha256, stored.bytes) == (sha256(data), count)
    assert await storage.get(stored.sha256) == data
    assert await storage.size(stored.sha256) == count
    parts = [part async for part in storage.read(stored.sha256, chunk=300_000)]
    assert b"".join(parts) == data
    assert max(map(len, parts), default=0) <= 300_000


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 64), (5, None), (300_000, 2_000_001), (2_999_999, 3_000_000), (0, 0), (7, 7)]
)
async def test_a_part_of_the_bytes(storage: Storage, start: int, stop: int | None) -> None:
    """From a byte up to another one, in pieces that are no longer than was wanted; a missing object stays missing."""
    data = noise(3_000_000)
    stored = await storage.put(data)
    parts = [part async for part in storage.read(stored.sha256, chunk=300_000, start=start, stop=stop)]
    assert b"".join(parts) == data[start:stop]
    assert max(map(len, parts), default=0) <= 300_000
    with pytest.raises(Permanent):
        _ = [part async for part in storage.read(NOBODY, start=start, stop=stop)]


async def test_put_is_the_writer_in_one_call(storage: Storage) -> None:
    """Bytes in memory are stored under the same name as streamed ones."""
    stored = await storage.put(b"donut")
    assert stored == await storage.put(b"donut")
    assert stored.sha256 == sha256(b"donut")
    assert await storage.has(stored.sha256)


async def test_leaving_without_commit_discards(storage: Storage) -> None:
    """What was not committed was never there."""
    async with storage.writer() as writer:
        await writer.write(b"half")
    with suppress(LookupError):
        async with storage.writer() as writer:
            await writer.write(b"half")
            raise LookupError
    assert not await storage.has(sha256(b"half"))


async def test_a_local_file_has_the_bytes(storage: Storage) -> None:
    """A decoder gets a real file, whatever the storage is."""
    stored = await storage.put(b"donut")
    async with storage.local(stored.sha256) as path:
        assert path.read_bytes() == b"donut"


async def test_deleted_is_gone_and_twice_is_no_error(storage: Storage) -> None:
    """Deleting is idempotent."""
    stored = await storage.put(b"donut")
    await storage.delete(stored.sha256)
    await storage.delete(stored.sha256)
    assert not await storage.has(stored.sha256)


@pytest.mark.parametrize("name", [NOBODY, *JUNK_NAMES])
async def test_nothing_of_that_name(storage: Storage, name: str) -> None:
    """A missing object and a name that is no SHA-256 are Permanent for whoever wants bytes, False for who asks."""
    assert not await storage.has(name)
    with pytest.raises(Permanent):
        await storage.get(name)
    with pytest.raises(Permanent):
        await storage.size(name)
    with pytest.raises(Permanent):
        _ = [part async for part in storage.read(name)]
    with pytest.raises(Permanent):
        async with storage.local(name):
            pass


@pytest.mark.parametrize("name", JUNK_NAMES)
async def test_junk_names_no_file(storage: Storage, name: str) -> None:
    """A name that is no SHA-256 never becomes a path."""
    assert storage.path(name) is None
    with pytest.raises(Permanent):
        await storage.delete(name)


async def test_a_storage_with_room_is_ready(storage: Storage) -> None:
    """Readiness of a working storage is silence."""
    await storage.ready()


async def test_the_url_names_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative and absolute folders and memory open; the working directory may change afterwards."""
    monkeypatch.chdir(tmp_path)
    relative = open_storage("file:./my%20images")
    monkeypatch.chdir("/")
    stored = await relative.put(b"donut")
    for url in (
        f"file://{tmp_path}/my%20images",
        f"file://localhost{tmp_path}/my images",
        f"FILE:{tmp_path}/my images",
    ):
        assert await open_storage(url).has(stored.sha256), url
    assert isinstance(open_storage("memory:"), Memory)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "images",
        "./images",
        "file:",
        "file://",
        "file://server/share",
        "file:a%00b",
        "memory:x",
        "ftp://u:secret@h/",
    ],
)
def test_a_junk_url_is_misconfigured(url: str) -> None:
    """The one line names the setting and never repeats the URL."""
    with pytest.raises(Misconfigured, match=r"^STORAGE_URL: ") as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


async def test_a_slot_is_empty_until_something_was_put(storage: Storage) -> None:
    """A storage without slots and a slot that nobody used are alike for whoever looks: nothing is there."""
    url = await storage.presign_put(slot("job", 0), timedelta(minutes=1))
    assert (url is None) == isinstance(storage, Folder | Memory)
    assert await storage.adopt(slot("job", 0), 1000) is None
    await storage.clear(slot("job", 0))


async def test_what_was_derived_stands_beside(storage: Storage) -> None:
    """Kept under the object's own name, replaced by what is derived next, apart from the object, and never hashed."""
    stored = await storage.put(b"a picture")
    assert await storage.derived(stored.sha256) is None
    for data in (b"small", b"", b"smaller"):
        await storage.derive(stored.sha256, data)
        assert await storage.derived(stored.sha256) == data
    assert await storage.get(stored.sha256) == b"a picture"
    assert not await storage.has(sha256(b"smaller"))


async def test_what_was_derived_goes_with_its_object(storage: Storage) -> None:
    """Also where the object itself is gone already."""
    stored = await storage.put(b"a picture")
    await storage.derive(stored.sha256, b"small")
    await storage.delete(stored.sha256)
    assert await storage.derived(stored.sha256) is None
    await storage.derive(stored.sha256, b"small")
    await storage.delete(stored.sha256)
    assert await storage.derived(stored.sha256) is None


@pytest.mark.parametrize("name", JUNK_NAMES)
async def test_nothing_is_derived_for_junk(storage: Storage, name: str) -> None:
    """A name that is none walks nowhere."""
    with pytest.raises(Permanent):
        await storage.derive(name, b"small")
    with pytest.raises(Permanent):
        await storage.derived(name)
