"""Whole rows are deleted, inserted, swapped and backdated past our code: `verify` names them."""

import shutil
import uuid
from datetime import timedelta

import pytest

from receiver.ledger import evidence, trail
from receiver.ledger.glance import sqlite_file
from tests.receiver.audit.editing import Row
from tests.receiver.audit.scene import Scene
from tests.receiver.audit.test_tamper import TABLES, named, names

ASIDE = {"task", "duty"}
"""Operational as a whole: what is in them is gone when its time comes."""
SEALED = [name for name in TABLES if name not in ASIDE]


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("table", TABLES)
async def test_a_row_is_deleted(scene: Scene, table: str, place: str) -> None:
    """The first, one in the middle, the last."""
    rows = scene.settled[table]
    row = rows[{"first": 0, "middle": len(rows) // 2, "last": -1}[place]]
    scene.edit.delete(table, row)
    found = (await scene.check()).findings
    if table in ASIDE:
        assert found == []
        return
    wanted = names(scene, table, row)
    if table == "signer":  # without its number; what it signed has no key any more
        wanted |= {f"checkpoint {each['n']}" for each in scene.settled["checkpoint"]}
    if table == "checkpoint":  # the last one of a file is kept beside it
        wanted |= {"checkpoint"}
    if table == "trail":
        wanted |= {"tile 0/1"}
    assert named(found, wanted), found


@pytest.mark.parametrize("table", TABLES)
async def test_a_row_is_inserted(scene: Scene, table: str) -> None:
    """A copy of a row under another key. Twice in the queue is no more than a second look."""
    row = scene.edit.copy(table, scene.settled[table][0])
    scene.edit.insert(table, row)
    found = (await scene.check()).findings
    if table in ASIDE | {"unsealed"}:
        assert found == []
        return
    wanted = names(scene, table, row)
    if table == "trail":
        wanted |= {"tile 0/1"}
    assert named(found, wanted), found


@pytest.mark.parametrize("table", [name for name in SEALED if name not in {"unsealed", "purge"}])
async def test_two_rows_are_swapped(scene: Scene, table: str) -> None:
    """Their contents, under each other's key: both are named."""
    rows, keys = scene.settled[table], scene.edit.keys(table)
    one, other = rows[0], next(row for row in rows[1:] if without(row, keys) != without(rows[0], keys))
    unique = {column.name: None for column in TABLES[table].columns if column.unique and not column.primary_key}
    scene.edit.set(table, one, **without(other, keys) | unique)
    scene.edit.set(table, other, **without(one, keys) | unique)
    found = (await scene.check()).findings
    assert named(found, names(scene, table, one)), found
    assert named(found, names(scene, table, other)), found
    if table in {"trail", "checkpoint"}:
        assert {"reordered"} <= {each.what for each in found}


def without(row: Row, keys: list[str]) -> Row:
    return {name: value for name, value in row.items() if name not in keys}


async def test_a_delivery_is_backdated(scene: Scene) -> None:
    """The time at which it came is a sealed one; so is that of an order."""
    changed = {}
    for table, column in (("delivery", "received_at"), ("job", "created_at")):
        rows = sorted(scene.settled[table], key=lambda row: row[column])
        changed[table] = rows[-1]["id"]
        scene.edit.set(table, rows[-1], **{column: rows[0][column]})
    found = {each.where: each.detail for each in (await scene.check()).findings}
    assert "received_at" in found[f"delivery {changed['delivery']}"]
    assert "created_at" in found[f"order {changed['job']}"]


async def test_what_is_slipped_into_the_queue_is_backdated(scene: Scene) -> None:
    """Our own sealer takes what the queue names; a time before checkpoints that do not have it gives it away."""
    twin = scene.settled["delivery"][0] | {"id": str(uuid.uuid4())}
    scene.edit.insert("delivery", twin)
    scene.edit.insert("unsealed", {"n": 2_000_000, "kind": "delivery", "ref": twin["id"]})
    await sealed_once(scene)
    found = (await scene.check()).findings
    assert [(each.what, each.where) for each in found] == [("backdated", f"delivery {twin['id']}")]


async def test_what_is_changed_and_queued_again_is_named(scene: Scene) -> None:
    """A row that is sealed anew by our own sealer still stands as sealed at first, but for what may change."""
    row = scene.settled["delivery"][0]
    scene.edit.set("delivery", row, key_id="another")
    scene.edit.insert("unsealed", {"n": 2_000_000, "kind": "delivery", "ref": row["id"]})
    while_it_waits = (await scene.check()).findings
    await sealed_once(scene)
    for found in (while_it_waits, (await scene.check()).findings):
        assert [(each.what, each.where) for each in found] == [("changed", f"delivery {row['id']}")]
        assert found[0].detail.startswith("key_id is")


@pytest.mark.parametrize("table", ["delivery", "key"])
async def test_what_is_deleted_and_queued_again_is_named(scene: Scene, table: str) -> None:
    """Our own sealer writes that it is gone; but no row of that kind is ever taken back."""
    row = scene.settled[table][0]
    [ref] = (row[key] for key in scene.edit.keys(table))
    scene.edit.delete(table, row)
    scene.edit.insert("unsealed", {"n": 2_000_000, "kind": table, "ref": ref})
    await sealed_once(scene)
    assert named((await scene.check()).findings, {f"{table} {ref}"})


async def test_a_strange_queue_does_not_stop_the_sealer(scene: Scene) -> None:
    """Kinds and names that no row can have are taken off the queue; what is evidence is sealed."""
    strange = [("nonsense", "x"), ("end", "nobody"), ("image", "no slash"), ("order", '["a", 1'), ("order", "[]")]
    for n, (kind, ref) in enumerate(strange, -10):
        scene.edit.insert("unsealed", {"n": n, "kind": kind, "ref": ref})
    await sealed_once(scene)
    report = await scene.check()
    assert report.findings == []
    assert [sentence for sentence in report.noted if " was stamped by " not in sentence] == []
    assert scene.edit.rows("unsealed") == []


@pytest.mark.parametrize("sealed", ["sqlite"], indirect=True)
async def test_the_file_is_an_older_copy(scene: Scene) -> None:
    """Consistent in itself, and with every signature good: only what was kept outside the file tells."""
    file = sqlite_file(scene.settings.database_url)
    assert file is not None
    outside = file.with_name(file.name + ".checkpoint")
    before, kept = file.with_name("before.checkpoint"), {row["n"] for row in scene.settled["checkpoint"]}
    shutil.copy(outside, before)
    await sealed_once(scene)
    assert {row["n"] for row in scene.edit.rows("checkpoint")} > kept
    assert (await scene.check()).findings == []
    touch_all(scene)
    scene.edit.undo()  # the rows of before, all of them
    newest = await scene.check()
    outside.unlink()
    without_it = await scene.check()
    shutil.copy(before, outside)
    assert {each.what for each in newest.findings} == {"rolled back"}
    assert without_it.findings == []
    assert any("cannot be seen" in sentence for sentence in without_it.noted)


async def sealed_once(scene: Scene) -> None:
    """Let our own sealer work a minute later; its rows are undone with the rest, and so is what it kept outside."""
    touch_all(scene)
    scene.now += timedelta(minutes=1)
    await scene.sealer().work()
    assert await scene.ledger.read(lambda c: trail.waiting(c, 1)) == []


def touch_all(scene: Scene) -> None:
    scene.edit.touch(*SEALED, *ASIDE)


def test_kinds_are_of_tables() -> None:
    """Every kind of entry is of a table that the suite edits."""
    assert {kind.table.name for kind in evidence.KINDS.values()} <= set(SEALED)
