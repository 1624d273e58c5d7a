"""The whole look: a part that ends early is named, and all others still happen."""

import pytest

from receiver.ledger.inspection import Inspection
from tests.receiver.audit import forging
from tests.receiver.audit.scene import Scene

PARTS = {"strangers": "rows", "queued": "queue", "deliveries": "deliveries", "tiles": "trail"}
"""A reading that fails → what is then said to be unreadable."""


@pytest.mark.parametrize("reading", PARTS)
async def test_a_part_that_nobody_foresaw_to_fail_is_named(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    """A finding, not a traceback, and not an early end of the rest."""

    def broken(*_: object) -> object:
        raise ArithmeticError("a value that no reader expects")

    monkeypatch.setattr(Inspection, reading, broken)
    report = await scene.check()
    assert ("unreadable", PARTS[reading]) in {(each.what, each.where) for each in report.findings}
    assert report.checked["images"] > 0
    assert bool(report.checked["signatures"]) == (reading != "deliveries")
    assert bool(report.checked["checkpoints"]) == (reading not in {"tiles", "queued"})


async def test_an_end_of_nonsense_is_of_no_known_time(scene: Scene) -> None:
    """The last entry says when it was sealed, if it says anything: else it is old enough for a checkpoint."""
    scene.edit.set("trail", scene.settled["trail"][-1], entry=b"nonsense")
    forging.rehash(scene.edit)
    found = [each for each in (await scene.check()).findings if each.what == "unsigned"]
    assert len(found) == 1
    assert "of no known time" in found[0].detail
