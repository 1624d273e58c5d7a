"""What only an object store has: parts, conditions, slots, and a network between us and it."""

import asyncio
import hashlib
import subprocess
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from receiver.errors import Permanent, StorageFull, TooLarge, TryLater
from receiver.storage import BATCH, open_storage, slot
from receiver.storage import objects as module
from receiver.storage.bucket import open_bucket
from receiver.storage.objects import Objects
from receiver.storage.parts import PART
from tests.objects import ACCOUNT, refusing
from tests.objects import Objects as Server

DONUT = b"donut" * 1000
NAME = hashlib.sha256(DONUT).hexdigest()
LARGE = b"kitchen" * (2 * PART // 7)
PATIENCE = timedelta(milliseconds=100)
"""A store that refuses is given up soon here."""


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]


@pytest.fixture
def storage(objects: Server, prefix: str) -> Objects:
    return Objects(open_bucket(objects.url(prefix), ACCOUNT))


def impatient(server: Server) -> Objects:
    return Objects(open_bucket(server.url(), ACCOUNT, PATIENCE))


async def test_an_object_stands_under_its_hash(storage: Objects, objects: Server, prefix: str) -> None:
    """`<prefix>/<ab>/<sha256>` and nothing else; a second object of the same bytes is the first one."""
    await storage.put(DONUT)
    await storage.put(DONUT)
    assert objects.keys(prefix) == [f"{NAME[:2]}/{NAME}"]


@pytest.mark.parametrize("data", [DONUT, LARGE], ids=["small", "large"])
async def test_writers_of_the_same_bytes_at_once(storage: Objects, objects: Server, prefix: str, data: bytes) -> None:
    """Racing writers all succeed and leave one object, whole."""
    name = hashlib.sha256(data).hexdigest()
    assert {stored.sha256 for stored in await asyncio.gather(*(storage.put(data) for _ in range(4)))} == {name}
    assert objects.keys(prefix) == [f"{name[:2]}/{name}"]
    assert await storage.get(name) == data


@pytest.mark.parametrize("count", [PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 12_345])
async def test_small_in_one_go_and_large_in_parts(storage: Objects, objects: Server, prefix: str, count: int) -> None:
    """On either side of the border the bytes come back, and no upload stays half done."""
    data = bytes(count)
    async with storage.writer() as writer:
        for start in range(0, count, 700_000):
            await writer.write(data[start : start + 700_000])
        stored = await writer.commit()
    assert (stored.sha256, stored.bytes) == (hashlib.sha256(data).hexdigest(), count)
    assert await storage.get(stored.sha256) == data
    assert objects.keys(prefix) == [f"{stored.sha256[:2]}/{stored.sha256}"]
    assert objects.unfinished() == []


@pytest.mark.parametrize("count", [BATCH, PART + BATCH, 3 * PART])
async def test_an_upload_that_is_left_is_aborted(storage: Objects, objects: Server, prefix: str, count: int) -> None:
    """Without a commit nothing stays, in parts or whole."""
    async with storage.writer() as writer:
        await writer.write(bytes(count))
    assert objects.keys(prefix) == []
    assert objects.unfinished() == []


async def test_an_upload_that_is_cancelled_is_aborted(storage: Objects, objects: Server, prefix: str) -> None:
    """A time-out with parts in flight leaves nothing either."""
    begun = asyncio.Event()

    async def upload() -> None:
        async with storage.writer() as writer:
            while True:
                await writer.write(bytes(PART))
                begun.set()

    task = asyncio.create_task(upload())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert objects.keys(prefix) == []
    assert objects.unfinished() == []


CHILD = """
import asyncio, sys
from pathlib import Path
from receiver.storage import open_storage

def most():
    # the most memory ever resident, in KiB; getrusage would tell of the process that started us, too
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])

async def main():
    storage = open_storage(sys.argv[1], {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"})
    await storage.put(b"warm")
    before = most()
    async with storage.writer() as writer:
        for _ in range(64):
            await writer.write(bytes(1 << 20))
        stored = await writer.commit()
    async for _ in storage.read(stored.sha256):
        pass
    print(most() - before)

asyncio.run(main())
"""


def test_memory_stays_flat(objects: Server, prefix: str) -> None:
    """64 MiB pass through, in and out, in a few parts' room."""
    command = [sys.executable, "-c", CHILD, objects.url(prefix)]
    child = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) < 40 * 1024


TROUBLE = [
    (403, "AccessDenied", "AWS_ACCESS_KEY_ID"), (403, "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
    (401, "", "AWS_ACCESS_KEY_ID"), (404, "NoSuchBucket", "no such bucket"), (400, "ExpiredToken", "ExpiredToken"),
    (500, "InternalError", "500"), (503, "SlowDown", "SlowDown"), (429, "", "429"), (0, "", "STORAGE_URL"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "word"), TROUBLE)
@pytest.mark.parametrize("data", [DONUT, LARGE], ids=["small", "large"])
async def test_what_takes_no_bytes_is_full(status: int, code: str, word: str, data: bytes) -> None:
    """Whatever the store says against bytes is StorageFull, within bounds, naming the setting and no secret."""
    async with asyncio.timeout(20), refusing(status, code) as server:
        storage = impatient(server)
        with pytest.raises(StorageFull, match=word) as caught:
            await storage.put(data)
        with pytest.raises(StorageFull, match="STORAGE_URL"):
            await storage.ready()
    assert ACCOUNT["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


@pytest.mark.parametrize(("status", "code", "word"), TROUBLE)
async def test_what_gives_no_bytes_is_asked_later(status: int, code: str, word: str) -> None:
    """Only an object that is not there is Permanent: a bucket that is gone, a refusal and silence may pass."""
    async with asyncio.timeout(20), refusing(status, code) as server:
        storage = impatient(server)
        for ask in (storage.get, storage.size, storage.has, storage.delete, storage.clear, _read(storage)):
            with pytest.raises(TryLater, match=word if ask == storage.get else "STORAGE_URL"):
                await ask(NAME)


def _read(storage: Objects) -> Any:
    async def read(name: str) -> None:
        async with storage.local(name):
            pass

    return read


async def test_nobody_there(unused_tcp_port: int) -> None:
    """A store that cannot be reached is trouble that passes, in both directions."""
    storage = impatient(Server(f"http://127.0.0.1:{unused_tcp_port}"))
    with pytest.raises(StorageFull, match="STORAGE_URL"):
        await storage.put(DONUT)
    with pytest.raises(TryLater, match="STORAGE_URL"):
        await storage.get(NAME)


async def test_no_commit_after_a_failed_write() -> None:
    """A writer that swallowed StorageFull cannot commit what is left."""
    async with refusing(503) as server, impatient(server).writer() as writer:
        with pytest.raises(StorageFull):
            await writer.write(bytes(20 * PART))
        with pytest.raises(StorageFull):
            await writer.commit()


async def test_a_store_without_conditions() -> None:
    """Where If-None-Match is not implemented bytes are put without it, from then on at once."""
    async with refusing(501, "NotImplemented", when="if-none-match") as server:
        storage = impatient(server)
        await storage.put(DONUT)
        asked = len(server.heard)
        await storage.put(DONUT)
    assert "if-none-match" not in server.heard[-1]
    assert len(server.heard) == asked + 1


@pytest.mark.parametrize("status", [409, 412])
async def test_somebody_elses_write_is_not_ours(status: int) -> None:
    """`There already` is believed only when the object stands there with all its bytes: the other writer may fail."""
    async with refusing(status, when="if-none-match") as server:
        await impatient(server).put(DONUT)
    assert [head.split(" ")[0] for head in server.heard[-2:]] == ["head", "put"]
    assert "if-none-match" not in server.heard[-1]


async def test_readiness_costs_one_put_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms ask every second: an answer is believed for a while, a bad one not for long."""
    async with refusing(403, when="/never/") as server:
        storage = impatient(server)
        await asyncio.gather(*(storage.ready() for _ in range(10)))
        assert len(server.heard) == 1
        monkeypatch.setattr(module, "NOT_READY_FOR", 0)
        storage._ask_at = 0
        server.when = ""
        for _ in range(2):
            with pytest.raises(StorageFull, match="AWS_ACCESS_KEY_ID"):
                await storage.ready()
        server.when = "/never/"
        await storage.ready()


async def handed(storage: Objects, data: bytes, place: int = 0) -> str:
    """A slot that somebody else has put bytes to."""
    name = slot("job", place)
    url = await storage.presign_put(name, timedelta(minutes=1))
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.put(str(url), content=data, headers={"content-type": "image/png"})).raise_for_status()
    return name


@pytest.mark.parametrize("data", [DONUT, LARGE], ids=["small", "large"])
async def test_a_slot_is_adopted_under_its_hash(storage: Objects, objects: Server, prefix: str, data: bytes) -> None:
    """What was put with a signed URL becomes an object; the slot stays until it is cleared, nothing else does."""
    name, digest = await handed(storage, data), hashlib.sha256(data).hexdigest()
    for _ in range(2):
        stored = await storage.adopt(name, len(data))
        assert stored is not None
        assert (stored.sha256, stored.bytes) == (digest, len(data))
    assert objects.keys(prefix) == sorted([f"{digest[:2]}/{digest}", "incoming/job/0"])
    await storage.clear(name)
    await storage.clear(name)
    assert objects.keys(prefix) == [f"{digest[:2]}/{digest}"]
    assert await storage.get(digest) == data


async def test_a_slot_that_holds_too_much_is_refused(storage: Objects, objects: Server, prefix: str) -> None:
    """The bound holds where nothing of ours has counted on the way in."""
    name = await handed(storage, DONUT)
    with pytest.raises(TooLarge, match="MAX_IMAGE_BYTES"):
        await storage.adopt(name, len(DONUT) - 1)
    assert objects.keys(prefix) == ["incoming/job/0"]


async def test_bytes_that_change_under_our_hands(
    storage: Objects, objects: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the URL may put again while we hash: what stands under a hash has that hash all the same."""
    name, measure = await handed(storage, DONUT), storage._measured

    async def measured(*given: Any) -> Any:
        await handed(storage, b"other bytes")
        return await measure(*given)

    monkeypatch.setattr(storage, "_measured", measured)
    stored = await storage.adopt(name, 10_000)
    assert stored is not None
    assert await storage.get(stored.sha256) == DONUT
    assert stored.sha256 == NAME


@pytest.mark.parametrize(("days", "seconds"), [(1, 86_400), (30, 604_800)])
async def test_a_signed_url_ends(storage: Objects, days: int, seconds: int) -> None:
    """It lives as long as was asked, and never longer than the week that S3 allows."""
    url = urlsplit(str(await storage.presign_put(slot("job", 3), timedelta(days=days))))
    assert url.path.endswith("/incoming/job/3")
    assert parse_qs(url.query)["X-Amz-Expires"] == [str(seconds)]


async def test_what_is_not_there_is_permanent_by_the_stores_own_word(objects: Server) -> None:
    """A missing object and a missing bucket answer a HEAD alike; only the first is Permanent."""
    with pytest.raises(Permanent):
        await open_storage(objects.url(), ACCOUNT).size(NAME)
    gone = open_storage(objects.url(bucket="nobody"), ACCOUNT)
    for ask in (gone.size, gone.has, gone.get):
        with pytest.raises(TryLater, match="no such bucket"):
            await ask(NAME)
