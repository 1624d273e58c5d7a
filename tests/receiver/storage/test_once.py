"""Objects that are written once: the same promises in a folder and in a bucket, and no way to write one twice."""

import asyncio
from pathlib import Path

import pytest

from receiver.errors import Misconfigured, StorageFull, TooLarge, TryLater
from receiver.storage import Held, Once, apart, open_once
from receiver.storage.addresses import where
from receiver.storage.bucket import open_bucket
from receiver.storage.once_bucket import OnceBucket
from tests.objects import ACCOUNT, Objects, refusing
from tests.receiver.storage.test_objects import PATIENCE

NAME = "checkpoint/000000/000/000000000001-ab"


def opened(url: str) -> Once:
    return open_once(url, ACCOUNT, makes=True)


def chosen(url: str) -> Once:
    """As settings and sealer do it."""
    apart(url, "file:images", {})
    return opened(url)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(params=["folder", "bucket"])
def once(request: pytest.FixtureRequest, objects: Objects, tmp_path: Path) -> Once:
    return opened(objects.url() if request.param == "bucket" else f"file:{tmp_path}/mirror")


async def test_a_name_is_written_once(once: Once) -> None:
    """Whoever comes second is told, whatever the bytes are, and the first ones stay."""
    assert await once.create(NAME, b"one")
    assert not await once.create(NAME, b"one")
    assert not await once.create(NAME, b"two")
    assert await once.get(NAME, 3) == b"one"


async def test_of_many_at_once_one_writes(once: Once) -> None:
    """Racing writers: one creates the object, and what stands is whole and its own."""
    many = [str(n).encode() * 100 for n in range(8)]
    created = await asyncio.gather(*(once.create(NAME, data) for data in many))
    assert [data for data, done in zip(many, created, strict=True) if done] == [await once.get(NAME, 100)]


async def test_what_is_not_there_and_what_is_too_large(once: Once) -> None:
    """None for the one; no more bytes than asked for of the other."""
    assert await once.get(NAME, 10) is None
    await once.create(NAME, b"x" * 11)
    with pytest.raises(TooLarge):
        await once.get(NAME, 10)


async def test_folders_and_what_stands_below_them(once: Once) -> None:
    """Folders by their names, objects by their whole names and lengths, and no more than asked for."""
    assert await once.folders("checkpoint") == []
    assert await once.held("checkpoint", 10) == []
    for n in range(3):
        await once.create(f"checkpoint/00000{n}/000/x", b"x" * n)
    assert sorted(await once.folders("checkpoint")) == ["000000", "000001", "000002"]
    assert await once.folders("checkpoint/000001") == ["000"]
    assert await once.held("checkpoint/000002", 10) == [Held("checkpoint/000002/000/x", 2)]
    assert len(await once.held("checkpoint", 2)) == 2


async def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    """For who only looks: the disk may not be mounted. Where a file stands in its place, nothing is taken."""
    place = tmp_path / "mirror"
    with pytest.raises(TryLater, match="No such file"):
        await open_once(f"file:{place}", {}, makes=False).folders("checkpoint")
    place.write_bytes(b"")
    with pytest.raises(StorageFull):
        await opened(f"file:{place}").create(NAME, b"one")
    with pytest.raises(TryLater):
        await opened(f"file:{place}").folders("checkpoint")


async def test_no_draft_is_left(tmp_path: Path) -> None:
    """Neither of a name that was free nor of one that was taken."""
    once = opened(f"file:{tmp_path}")
    await once.create(NAME, b"one")
    await once.create(NAME, b"two")
    assert files(tmp_path) == [tmp_path / NAME]


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (503, "SlowDown"), (403, "AccessDenied")])
async def test_a_store_that_refuses(status: int, code: str) -> None:
    """One sentence with its reason, and never a put without the condition: also where the store does not know it."""
    async with refusing(status, code) as server:
        once = OnceBucket(open_bucket(server.url(), ACCOUNT, PATIENCE))
        with pytest.raises(StorageFull, match=code):
            await once.create(NAME, b"one")
        with pytest.raises(TryLater, match=code):
            await once.get(NAME, 10)
        with pytest.raises(TryLater, match=code):
            await once.held("checkpoint", 10)
        with pytest.raises(TryLater, match=code):
            await once.folders("checkpoint")
    assert all("if-none-match: *" in head for head in server.heard if head.startswith("put"))


@pytest.mark.parametrize(
    "url", ["memory:", "ftp://h", "mirror", "file:", "s3://", "s3://[::1", "s3://key:secret@bucket"]
)
def test_a_junk_url_is_misconfigured(url: str) -> None:
    """One line with the name of the setting that it is of, and not of another's."""
    with pytest.raises(Misconfigured, match=r"^CHECKPOINT_MIRROR_URL: ") as caught:
        chosen(url)
    assert "STORAGE_URL" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("file:./images", "file:images/../images/", True), ("file:/a", "FILE:///a", True),
        ("file:/a", "file:/b", False), ("s3://b/p", "S3://b/p/?region=eu", True), ("s3://b/p", "s3://b/q", False),
        ("s3://b/p", "s3://c/p", False),
        ("s3://b/p", "s3://b/p?endpoint=https://o.example/", True), ("s3://b/p", "file:/b/p", False),
        ("s3://b/p", "s3://b/p?endpoint=https://other.example", False), ("memory:", "file:/memory", False),
    ],
)  # fmt: skip
def test_where_a_url_leads(one: str, other: str, *, same: bool) -> None:
    """However it is spelled: the same folder, or the same prefix of the same bucket at the same endpoint."""
    account = {"AWS_ENDPOINT_URL": "https://o.example"}
    assert (where(one, "X", account) == where(other, "X", account)) is same
