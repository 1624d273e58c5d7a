"""Gaps: each says what is missing, and what can be done about it."""

from datetime import UTC, datetime, timedelta

from receiver.audit.gaps import gaps
from receiver.ledger.report_reading import GapRow

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)
IMAGE = GapRow("j1", "fal", "0", "succeeded", True, BEFORE, None, None, None)
SILENT = GapRow("j2", "fal", None, "expired", True, BEFORE, None, None, None)


def test_a_dead_letter_can_be_taken_up_again() -> None:
    """Since when it was given up, why, and the command."""
    [gap] = gaps([IMAGE._replace(dead_at=NOW, error="it is 404")], [], bool, NOW)
    assert (gap.what, gap.since, gap.mend) == ("image", NOW, "proofhook retry j1")
    assert "it is 404" in gap.missing


def test_an_expired_url_cannot() -> None:
    """Since it expired; before that it is an image like any other."""
    row = IMAGE._replace(expires_at=NOW, dead_at=BEFORE)
    [gap] = gaps([row], [], bool, NOW)
    assert (gap.what, gap.since, gap.mend) == ("expired", NOW, "nothing: expired")
    [before] = gaps([row], [], bool, BEFORE)
    assert before.what == "image"


def test_an_image_without_a_task_cannot() -> None:
    """Nothing is left that `retry` could revive."""
    [gap] = gaps([IMAGE._replace(live=False)], [], bool, NOW)
    assert (gap.what, gap.mend.partition(":")[0]) == ("image", "nothing")


def test_callbacks_that_never_came() -> None:
    """Of a job without an end there is a question left to ask; of one that has ended, nothing."""
    [lost, known] = gaps([], [SILENT, SILENT._replace(live=False, status="delivered")], bool, NOW)
    assert (lost.what, lost.mend) == ("callback", "proofhook retry j2")
    assert (known.what, known.mend) == ("callback", "nothing: the job is delivered")


def test_who_has_no_callbacks_owes_none() -> None:
    """Of a provider that is always asked, only a job without an end is a gap."""
    found = list(gaps([], [SILENT, SILENT._replace(live=False, status="delivered")], lambda _: False, NOW))
    assert [gap.mend for gap in found] == ["proofhook retry j2"]
