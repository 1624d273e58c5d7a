import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from receiver.errors import BrokenEvidence
from tests.receiver.audit.bundles import Scene, checked, scene
from tests.receiver.house import SECRETS

__all__ = ["scene"]


@pytest.fixture
def own(scene: Scene, tmp_path: Path) -> Scene:
    """A copy to spoil."""
    shutil.copytree(scene.folder, tmp_path / "own")
    return Scene(tmp_path / "own", scene.settings, scene.jobs)


def edit(scene: Scene, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(scene.folder / "ledger.db")) as ledger, ledger:
        assert ledger.execute(statement, values).rowcount > 0


def test_bytes_that_are_gone_are_said_to_be(own: Scene) -> None:
    """A picture that the storage has lost, and a value that is not the one sealed, are left out, and named."""
    with closing(sqlite3.connect(own.folder / "ledger.db")) as ledger:
        ((sha256,),) = ledger.execute("SELECT sha256 FROM image WHERE job_id = ?", [own.jobs[0]])
    next((own.folder / "images").rglob(sha256)).unlink()
    edit(own, "UPDATE job SET order_json = '{}' WHERE id = ?", own.jobs[0])
    made = own.export(own.jobs[0])
    assert sorted(each.rpartition(": ")[2] for each in made.lost) == ["order_json", "picture"]
    report = checked(made.data)
    assert report.findings == []
    assert any("order_json (not held any more)" in sentence for sentence in report.noted)


def test_a_delivery_whose_row_is_gone_is_in_all_the_same(own: Scene) -> None:
    """Its sealed entry stays: the event that it brought names it."""
    edit(own, "DELETE FROM delivery WHERE job_id = ? AND verdict = 'verified'", own.jobs[0])
    made = own.export(own.jobs[0])
    assert checked(made.data).findings == []
    assert any(each.startswith("delivery ") and each.endswith(": body") for each in made.lost)


def test_a_ledger_that_was_tampered_with_makes_no_bundle(own: Scene) -> None:
    """A bundle that would not verify is not written."""
    edit(own, "UPDATE trail SET entry = replace(entry, 'verified', 'unsigned') WHERE kind = 'delivery'")
    with pytest.raises(BrokenEvidence, match="audit verify"):
        own.export()


def test_an_entry_that_is_no_json_makes_no_bundle(own: Scene) -> None:
    """It is named."""
    edit(own, "UPDATE trail SET entry = 'x' WHERE kind = 'event'")
    with pytest.raises(BrokenEvidence, match=r"trail \d+ is not what was sealed"):
        own.export()


def test_a_ledger_whose_tree_was_tampered_with_makes_no_bundle(own: Scene) -> None:
    """Neither without its tiles, nor with a checkpoint or key of somebody else."""
    for statement in (
        "UPDATE tile SET hashes = zeroblob(64)",
        "UPDATE checkpoint SET note = 'x'",
        "DELETE FROM signer",
    ):
        edit(own, statement)
        with pytest.raises(BrokenEvidence):
            own.export()


def test_a_purged_job_is_still_proved(own: Scene) -> None:
    """Rows and salts are emptied then: what was sealed in plain, and the leaves, are there all the same."""
    edit(own, "UPDATE trail SET salt = x'' WHERE ref LIKE ? OR kind = 'delivery'", f"{own.jobs[0]}%")
    made = own.export(own.jobs[0])
    assert checked(made.data).findings == []
    assert b"x-fal-webhook-signature:" not in made.data
    assert any(each.endswith(": order_json") for each in made.lost)


def test_the_same_jobs_give_the_same_bytes(own: Scene) -> None:
    """However often, whatever else is sealed meanwhile, and under a newer key of ours as long as the old is there."""
    first = own.export().data
    edit(own, "INSERT INTO checkpoint (size, made_at, note) SELECT size + 9, made_at, note || 'x' FROM checkpoint")
    assert own.export().data == first
    secrets = SECRETS["proofhook_secret"]
    assert own.export(proofhook_secret=f"{secrets},the third key of our own").data == first
