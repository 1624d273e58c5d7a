"""Rows against what was sealed of them, where a row fills up later or a checkpoint's time is none."""

import json

import pytest

from tests.receiver.audit import forging
from tests.receiver.audit.scene import Scene
from tests.receiver.audit.test_tamper import named
from tests.receiver.audit.test_tamper_rows import sealed_once

URL = "https://im.runware.ai/image/later.jpg"


async def changed_and_sealed(scene: Scene, *, filled: bool, **values: object) -> tuple[str, set[str]]:
    """An image whose URL is (not) `filled` gets other values and is sealed anew; its name, and what is said of it."""
    row = next(each for each in scene.settled["image"] if bool(each["url"]) == filled)
    ref = f"{row['job_id']}/{row['key']}"
    scene.edit.set("image", row, **values)
    scene.edit.insert("unsealed", {"n": 2_000_000, "kind": "image", "ref": ref})
    await sealed_once(scene)
    found = (await scene.check()).findings
    return f"image {ref}", {each.detail for each in found if each.where == f"image {ref}"}


async def test_what_was_empty_may_be_filled_once(scene: Scene) -> None:
    """An upload is stored before its callback names URL, seed and cost: that is no change of what was sealed."""
    _, found = await changed_and_sealed(scene, filled=False, url=URL, seed="7", cost_usd="0.04")
    assert found == set()


async def test_what_was_filled_stays(scene: Scene) -> None:
    """A URL that was sealed is evidence, even when our own sealer seals another later."""
    _, found = await changed_and_sealed(scene, filled=True, url=URL)
    assert [each for each in found if each.startswith("url is not as sealed at first")]


@pytest.mark.parametrize("time", [b"time tomorrow", b"time 0001-01-01T00:00:00Z", b"time "])
async def test_a_checkpoint_without_a_time_backdates_nothing(scene: Scene, time: bytes) -> None:
    """It is named itself; rows are not compared with a time that is none."""
    row = scene.settled["checkpoint"][1]
    lines = row["note"].split(b"\n")
    scene.edit.set("checkpoint", row, note=b"\n".join([*lines[:3], time, *lines[4:]]))
    found = (await scene.check()).findings
    assert named(found, {f"checkpoint {row['n']}"})
    assert "backdated" not in {each.what for each in found}


async def test_a_hidden_field_that_was_never_sealed_is_named(scene: Scene) -> None:
    """An entry that leaves a commitment out is not of the form that we write."""
    leaf = next(row for row in scene.settled["trail"] if row["kind"] == "image")
    entry = json.loads(leaf["entry"])
    del entry["hidden"]["url"]
    scene.edit.set("trail", leaf, entry=json.dumps(entry).encode())
    forging.rehash(scene.edit)
    assert named((await scene.check()).findings, {f"image {leaf['ref']}"})
