"""Who knows how the trail is made edits it consistently: leaves, tiles, checkpoints and keys, short of our secret."""

import json
from datetime import UTC, datetime

import pytest

from receiver.audit import canonical, note, signing
from receiver.audit.notekey import read_vkey
from receiver.ledger.trail import SignerKey
from tests.receiver.audit import forging
from tests.receiver.audit.editing import Row
from tests.receiver.audit.scene import NAME, Scene
from tests.receiver.audit.test_tamper import named


def leaf_of(scene: Scene, kind: str) -> Row:
    return next(row for row in scene.settled["trail"] if row["kind"] == kind)


def backdated(scene: Scene) -> tuple[Row, Row]:
    """A delivery came a minute earlier, and its entry says so; the leaf and the row."""
    leaf = leaf_of(scene, "delivery")
    row = next(each for each in scene.settled["delivery"] if each["id"] == leaf["ref"])
    entry = json.loads(leaf["entry"])
    entry["plain"]["reason"] = "so it was"
    scene.edit.set("delivery", row, reason="so it was")
    scene.edit.set("trail", leaf, entry=canonical.encode(entry))
    return leaf, row


async def test_an_entry_is_changed_with_its_row(scene: Scene) -> None:
    """The row says what the entry says, but the entry has not its hash."""
    leaf, _ = backdated(scene)
    assert named((await scene.check()).findings, {f"trail {leaf['n']}"})


async def test_an_entry_is_rehashed(scene: Scene) -> None:
    """The entry has its hash; the tiles and every checkpoint since have another."""
    leaf, _ = backdated(scene)
    forging.rehash(scene.edit)
    found = (await scene.check()).findings
    assert named(found, {f"trail {leaf['n']}"})
    assert named(found, {"checkpoint 1"})


async def test_an_entry_is_rehashed_up_to_the_tiles(scene: Scene) -> None:
    """Leaves and tiles agree; no checkpoint does, and the first to differ says between which entries."""
    leaf, _ = backdated(scene)
    forging.rehash(scene.edit)
    forging.retile(scene.edit)
    found = (await scene.check()).findings
    first = next(each for each in found if each.what == "changed")
    assert first.where == "checkpoint 1"
    assert f"trail 0 to {scene.settled['checkpoint'][0]['size'] - 1} was changed" in first.detail
    assert leaf["n"] < scene.settled["checkpoint"][0]["size"]


@pytest.mark.parametrize("keys", ["ours", "a stranger's last", "a stranger's first", "a stranger's alone"])
async def test_all_of_it_is_signed_by_a_stranger(scene: Scene, keys: str) -> None:
    """Entry, leaf, tiles and checkpoints agree; but the key is not ours, whatever the table of keys says."""
    backdated(scene)
    by = forging.stranger(NAME)
    forging.rehash(scene.edit)
    forging.retile(scene.edit)
    forging.resign(scene.edit, by)
    ours = scene.settled["signer"]
    if keys == "a stranger's last":
        vouched = signing.vouch(by, by, scene.now)
        scene.edit.insert("signer", {"n": 3, "vkey": by.key.vkey(), "vouched": vouched})
    if keys == "a stranger's alone":
        scene.edit.delete("signer", ours[1])
    if keys in {"a stranger's first", "a stranger's alone"}:
        scene.edit.set("signer", ours[0], vkey=by.key.vkey())
    found = (await scene.check()).findings
    assert "forged" in {each.what for each in found}
    assert named(found, {"signer 1", "signer 2", "signer 3"} if keys != "ours" else {"checkpoint 1"})


async def test_one_checkpoint_is_signed_by_another_key(scene: Scene) -> None:
    """The same text under a stranger's name of ours."""
    row = scene.settled["checkpoint"][2]
    text = row["note"].decode().rpartition("\n\n")[0] + "\n"
    scene.edit.set("checkpoint", row, note=note.sign(text, [forging.stranger(NAME)]))
    found = [each for each in (await scene.check()).findings if each.what == "forged"]
    assert [each.where for each in found] == ["checkpoint 3"]


async def test_a_stranger_vouches_for_our_key(scene: Scene) -> None:
    """Our newest key must itself say on which it follows: a stranger's word before it is not enough."""
    by, ours = forging.stranger(NAME), scene.settled["signer"]
    mine = read_vkey(ours[1]["vkey"])
    text = f"proofhook signer\n{mine.vkey()}\nfollows {by.key.vkey()}\ntime now\n"
    scene.edit.set("signer", ours[0], vkey=by.key.vkey())
    scene.edit.set("signer", ours[1], vouched=note.sign(text, [by]))
    assert named((await scene.check()).findings, {"signer 2"})


@pytest.mark.parametrize("how", ["half a hash", "one hash", "nothing left", "all of them", "one hash more"])
async def test_tiles_are_truncated(scene: Scene, how: str) -> None:
    """A tile that is shorter or longer than the tree makes it, or not there, is named."""
    row = scene.settled["tile"][0]
    data = row["hashes"]
    cut = {"half a hash": data[:-16], "one hash": data[:-32], "nothing left": b"", "one hash more": data + data[:32]}
    if how == "all of them":
        scene.edit.run("DELETE FROM tile", (), "tile")
    else:
        scene.edit.set("tile", row, hashes=cut[how])
    found = (await scene.check()).findings
    assert named(found, {"tile 0/0"})
    wanted = {"all of them": "removed", "one hash more": "changed"}.get(how, "truncated")
    assert wanted in {each.what for each in found}


@pytest.mark.parametrize("how", ["last ten", "all"])
async def test_the_trail_is_truncated(scene: Scene, how: str) -> None:
    """With tiles made anew: the checkpoints say how many entries there were."""
    for row in scene.settled["trail"][-10 if how == "last ten" else 0 :]:
        scene.edit.delete("trail", row)
    forging.retile(scene.edit)
    found = (await scene.check()).findings
    assert any(each.what == "removed" and each.where.startswith("trail") for each in found)


async def test_entries_under_no_checkpoint_are_named(scene: Scene) -> None:
    """All checkpoints but the first are gone, as if they had never been: what is old enough for one has none."""
    for row in scene.settled["checkpoint"][1:]:
        scene.edit.delete("checkpoint", row)
    size = scene.settled["checkpoint"][0]["size"]
    found = (await scene.check()).findings
    assert named(
        [each for each in found if each.what == "unsigned"], {f"trail {size} to {len(scene.settled['trail']) - 1}"}
    )


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"nonsense",
        b"[]",
        b"[" * 5000,
        b"{}",
        b'{"kind":1}',
        b'{"kind":"order","ref":"x","sealed_at":"","salt":""}',
    ],
)
async def test_an_entry_of_nonsense_is_named(scene: Scene, entry: bytes) -> None:
    """With its hash, so that it is looked into: no traceback, whatever it is."""
    leaf = leaf_of(scene, "order")
    scene.edit.set("trail", leaf, entry=entry)
    forging.rehash(scene.edit)
    report = await scene.check()
    assert named(report.findings, {f"trail {leaf['n']}"})
    assert report.checked["tiles"] == len(scene.settled["tile"])


@pytest.mark.parametrize(
    "change", [{"plain": [], "hidden": {}}, {"plain": {"n": [{}]}, "hidden": {"params": 5}}, {"v": 2}]
)
async def test_an_entry_of_another_form_is_named(scene: Scene, change: Row) -> None:
    """JSON, of the right row, but not as we write it."""
    leaf = leaf_of(scene, "order")
    scene.edit.set("trail", leaf, entry=json.dumps(json.loads(leaf["entry"]) | change).encode())
    forging.rehash(scene.edit)
    found = (await scene.check()).findings
    assert named(found, {f"trail {leaf['n']}", f"order {leaf['ref']}"})


def test_a_chain_is_of_keys_that_both_signed() -> None:
    """The first has no voucher; each other one is vouched for by the one before and by itself, once."""
    one, two = signing.signer(b"1" * 32, NAME), signing.signer(b"2" * 32, NAME)
    word = signing.vouch(one, two, datetime(2026, 1, 1, tzinfo=UTC))
    rows = [SignerKey(one.key.vkey(), None), SignerKey(two.key.vkey(), word)]
    assert signing.chain(rows) == [one.key, two.key]
