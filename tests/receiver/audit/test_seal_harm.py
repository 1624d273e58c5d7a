"""The sealer meets a trail that somebody changed: it signs nothing over it."""

import pytest
import structlog

from receiver.audit.seal import EVERY
from receiver.errors import BrokenEvidence
from tests.receiver.audit import forging
from tests.receiver.audit.editing import Editor, editor
from tests.receiver.audit.scene import NAME
from tests.receiver.audit.sealing import Trail, house
from tests.receiver.ledger.conftest import backend, database_url, ledger

__all__ = ["backend", "database_url", "house", "ledger"]


def harmed(edit: Editor, harm: str) -> None:
    leaves, [mark], [key] = edit.rows("trail"), edit.rows("checkpoint"), edit.rows("signer")
    match harm:
        case "tiles":
            edit.set("tile", {"level": 0, "n": 0}, hashes=b"x" * 160)
        case "a hash":
            edit.set("trail", leaves[1], hash=b"x" * 32)
            forging.retile(edit)
        case "a leaf":
            edit.delete("trail", leaves[1])
            edit.delete("tile", {"level": 0, "n": 0})
        case "the last":
            edit.delete("trail", leaves[-1])
        case "the note":
            edit.set("checkpoint", mark, note=mark["note"][:-3])
        case _:
            edit.set("signer", key, vkey=forging.stranger(NAME).key.vkey())


@pytest.mark.parametrize("harm", ["tiles", "a hash", "a leaf", "the last", "the note", "the key"])
async def test_it_signs_nothing_over_what_was_changed(house: Trail, harm: str) -> None:
    """Tiles are made up for by the leaves; where these do not make what was signed, nothing more is signed."""
    await house.jobs(5)
    await house.sealer().work()
    with editor(house.settings.database_url) as edit:
        harmed(edit, harm)
    await house.jobs(1)
    house.now += EVERY
    sealer = house.sealer()
    with structlog.testing.capture_logs() as logs:
        if harm == "tiles":
            await sealer.work()
        else:
            with pytest.raises(BrokenEvidence):
                await sealer.work()
            await sealer._round()
    assert [row["size"] for row in house.marks()] == ([5, 6] if harm == "tiles" else [5])
    assert logs[-1]["log_level"] == "warning"
    assert (await house.check()).findings


async def test_a_gap_behind_the_last_checkpoint_is_seen(house: Trail) -> None:
    """What was sealed but not signed yet is counted, too."""
    await house.jobs(3)
    await house.sealer().seal()
    with editor(house.settings.database_url) as edit:
        edit.delete("trail", edit.rows("trail")[1])
    with pytest.raises(BrokenEvidence, match="not there any more"):
        await house.sealer().work()


async def test_it_says_once_what_keeps_it_from_working(house: Trail) -> None:
    """Changed tiles and a changed leaf: each is one line, however many rounds; mended, it says that it works again."""
    await house.jobs(5)
    await house.sealer().work()
    sealer = house.sealer()
    with editor(house.settings.database_url) as edit, structlog.testing.capture_logs() as logs:
        whole = edit.rows("trail")[1]
        edit.set("tile", {"level": 0, "n": 0}, hashes=b"x" * 160)
        edit.set("trail", whole, hash=b"x" * 32)
        for _ in range(3):
            await sealer._round()
        assert [line["log_level"] for line in logs] == ["warning", "warning"]
        edit.set("trail", {"n": 1}, hash=whole["hash"])
        await sealer._round()
        await sealer._round()
    assert [line["log_level"] for line in logs[2:]] == ["info"]
