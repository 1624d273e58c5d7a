"""Files of the storage are removed and altered: `verify` names the image or delivery, by length or by content."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.audit.findings import Report
from receiver.errors import TryLater
from tests.receiver.audit.editing import Row
from tests.receiver.audit.scene import Scene
from tests.receiver.house import png

HARM: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "a byte flipped": (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], True),
    "a byte more": (lambda data: data + b"x", False),
    "cut short": (lambda data: data[:-9], False),
    "another picture": (lambda data: png(color="blue"), True),
}
"""What → how, and whether only a deep look finds it."""


def file_of(scene: Scene, sha256: str) -> Path:
    found = scene.storage.path(sha256)
    assert found is not None
    return found


def first(scene: Scene, sha256: str) -> set[str]:
    """Every image that is kept in this file."""
    rows = [row for row in scene.settled["image"] if row["sha256"] == sha256]
    return {f"image {row['job_id']}/{row['key']}" for row in rows}


@pytest.fixture
def image(scene: Scene) -> Iterator[Row]:
    """A stored image, whose file is put back behind the test."""
    row: Row = scene.settled["image"][0]
    file = file_of(scene, row["sha256"])
    data = file.read_bytes()
    yield row
    file.unlink(missing_ok=True)
    file.write_bytes(data)


@pytest.mark.parametrize("deep", [False, True])
async def test_an_image_is_removed(scene: Scene, image: Row, *, deep: bool) -> None:
    """Every image that the file holds is missing."""
    file_of(scene, image["sha256"]).unlink()
    found = [each for each in (await scene.check(deep=deep)).findings if each.where.startswith("image")]
    assert {each.what for each in found} == {"missing"}
    assert {each.where for each in found} == first(scene, image["sha256"])


@pytest.mark.parametrize("harm", HARM)
async def test_an_image_is_altered(scene: Scene, image: Row, harm: str) -> None:
    """By its length at once, by its content with --images."""
    how, only_deep = HARM[harm]
    file = file_of(scene, image["sha256"])
    altered = how(file.read_bytes())
    only_deep = only_deep and len(altered) == image["bytes"]
    file.unlink()
    file.write_bytes(altered)
    shallow, deep = await scene.check(), await scene.check(deep=True)
    assert bool(of_images(shallow)) is not only_deep
    assert of_images(deep) <= first(scene, image["sha256"])
    assert of_images(deep)
    assert all(each.what == "altered" for each in deep.findings if each.where.startswith("image"))


def of_images(report: Report) -> set[str]:
    return {each.where for each in report.findings if each.where.startswith("image")}


@pytest.mark.parametrize("gone", [True, False])
async def test_a_large_body_is_removed_or_altered(scene: Scene, *, gone: bool) -> None:
    """A body that stands in the storage is looked at as any other."""
    row = next(each for each in scene.settled["delivery"] if each["body"] is None and each["kind"] == "hook")
    file = file_of(scene, row["body_sha256"])
    data = file.read_bytes()
    file.unlink()
    if not gone:
        file.write_bytes(data[:-1] + b"~")
    found = (await scene.check()).findings
    file.unlink(missing_ok=True)
    file.write_bytes(data)
    assert [(each.what, each.where) for each in found] == [
        ("missing" if gone else "changed", f"delivery {row['id']}"),
    ]


async def test_a_storage_that_does_not_answer_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be looked at is no good evidence, and no traceback."""

    async def away(_sha256: str) -> bool:
        raise TryLater("the storage folder does not answer")

    monkeypatch.setattr(scene.storage, "has", away)
    assert {each.what for each in (await scene.check()).findings} == {"unreadable"}


async def test_only_what_is_young_enough_is_looked_at(scene: Scene) -> None:
    """`--since` leaves out older signatures and images; the trail is always whole."""
    whole, later = await scene.check(), await scene.check(since=scene.now)
    assert whole.checked["images"] > 0
    assert later.checked["images"] == later.checked["signatures"] - 2 == 0
    assert later.checked["entries"] == whole.checked["entries"]
