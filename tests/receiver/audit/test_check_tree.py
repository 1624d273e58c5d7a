"""The tree and its checkpoints against each other, where a ledger is large or a checkpoint of our own goes back."""

from pathlib import Path

import pytest

from receiver.audit import check_tree, note, signing
from receiver.audit.check_tree import AT_ONCE
from receiver.audit.checkpoint import Checkpoint
from receiver.audit.merkle import leaf_hash, root
from receiver.errors import BrokenEvidence
from receiver.ledger import trail_tables
from receiver.ledger.evidence import moment
from receiver.ledger.ledger import Ledger
from tests.receiver.audit.scene import NAME, Scene
from tests.receiver.audit.sealing import Trail
from tests.receiver.house import configured


async def test_a_trail_of_more_than_one_go_is_checked_to_its_end(tmp_path: Path) -> None:
    """Leaves are hashed some at a time: no root, and no place of an altered entry, depends on how many."""
    settings = configured(tmp_path)
    trail = Trail(Ledger(settings.database_url), settings)
    for count in (AT_ONCE - 9, 40):
        await trail.jobs(count)
        await trail.sealer().work()
    report = await trail.check()
    assert report.findings == []
    assert report.checked["entries"] == AT_ONCE + 31
    leaves, altered = trail_tables.trail, (AT_ONCE - 1, AT_ONCE, AT_ONCE + 30)
    await trail.ledger.fact(lambda c: c.execute(leaves.update().where(leaves.c.n.in_(altered)).values(entry=b"x")))
    found = {each.where for each in (await trail.check()).findings if each.where.startswith("trail")}
    assert found == {f"trail {n}" for n in altered}
    for ledger in (trail.ledger, *trail.more):
        ledger.close()


def test_a_root_is_made_at_each_size_that_is_asked_for() -> None:
    """Several in one go, its first and its last among them, and none that was not asked for."""
    hashes = [leaf_hash(str(n).encode()) for n in range(9)]
    tree = check_tree.Tree(frozenset({1, 3, 5, 6, 9, 99}))
    tree.add(hashes[:5])
    tree.add([])
    tree.add(hashes[5:])
    assert tree.roots == {size: root(hashes[:size]) for size in (0, 1, 3, 5, 6, 9)}


@pytest.mark.parametrize("sealed", ["sqlite"], indirect=True)
async def test_a_checkpoint_of_our_own_that_goes_back_is_named(scene: Scene) -> None:
    """Good in all but its size: a sealer of ours worked on an older copy, and its checkpoint was carried over."""
    marks = scene.settled["checkpoint"]
    last, size = marks[-1], marks[0]["size"]
    hashes = [row["hash"] for row in scene.settled["trail"][:size]]
    lines = (f"time {moment(scene.now)}", f"previous {check_tree.named(last['note'])}")
    said = Checkpoint(NAME, size, root(hashes), lines)
    made = note.sign(said.text(), [signing.signer(scene.settings.secrets[-1], NAME)])
    stamp = scene.now.strftime("%Y-%m-%d %H:%M:%S.%f")
    scene.edit.insert("checkpoint", last | {"n": last["n"] + 1, "size": size, "made_at": stamp, "note": made})
    found = [each for each in (await scene.check()).findings if each.where == f"checkpoint {last['n'] + 1}"]
    assert [each.what for each in found] == ["rolled back"]
    assert f"it names {size} entries, the one before it {last['size']}" in found[0].detail


@pytest.mark.parametrize("sealed", ["sqlite"], indirect=True)
async def test_a_checkpoint_outside_of_another_tree_is_named(scene: Scene) -> None:
    """Signed by our key, of a size that there is, and the entries do not make its root."""
    outside = scene.outside()
    assert outside is not None
    size = scene.settled["checkpoint"][-1]["size"]
    said = Checkpoint(NAME, size, b"\1" * 32, (f"time {moment(scene.now)}", "previous none"))
    outside[0].write_bytes(note.sign(said.text(), [signing.signer(scene.settings.secrets[-1], NAME)]))
    found = (await scene.check()).findings
    assert {each.what for each in found} == {"rolled back"}
    assert any(f"{size} entries" in each.detail and "root" in each.detail for each in found), found


def test_a_checkpoint_of_another_trail_is_none_of_this_one() -> None:
    """Our key may sign for several: whose log it is stands in the first line."""
    ours = signing.signer(b"a secret of ours", NAME)
    for origin, words in ((NAME, None), ("hooks.example/other", "of the trail hooks.example/other")):
        made = note.sign(Checkpoint(origin, 1, b"\1" * 32, ("previous none",)).text(), [ours])
        if words is None:
            assert check_tree.read(made, [ours.key]).size == 1
        else:
            with pytest.raises(BrokenEvidence, match=words):
                check_tree.read(made, [ours.key])
