from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from receiver import errors
from receiver.ledger.views import DeliveryView
from receiver.pages import mends
from receiver.settings import Settings
from tests.receiver.pages.seeding import T0

SETTINGS = Settings(public_url="http://pages")
HOOK = DeliveryView(
    "d", T0, "fal", "job", "hook", "verified", None, None, None, None, (), "a" * 64, 2, 0
)  # fmt: skip
SECOND = timedelta(seconds=1)


def refused(slug: str, **given: Any) -> DeliveryView:
    return replace(HOOK, verdict=slug, **given)


def every(kind: type[errors.ProofhookError]) -> set[str]:
    return {kind.slug}.union(*(every(each) for each in kind.__subclasses__()))


def test_every_refusal_has_a_sentence() -> None:
    """Whatever slug receiver/errors.py gives a refusal, its delivery says what to do."""
    assert {*mends.REFUSALS} >= every(errors.Refused)
    for slug in every(errors.Refused):
        for provider in ("fal", "fireworks", "runware"):
            for kind in ("hook", "upload", "answer"):
                said = mends.mend(refused(slug, provider=provider, kind=kind), SETTINGS)
                assert said.endswith((".", "`"))
                assert "{" not in said


def test_what_was_let_in_needs_no_mending() -> None:
    """Nothing is said where nothing is wrong."""
    for verdict in ("verified", "unsigned", "asked"):
        assert not mends.mend(refused(verdict), SETTINGS)


@pytest.mark.parametrize(("offsets", "said"), [
    ((), "None of the deliveries just before was good, so this clock may be wrong"),
    ((SECOND / 5,), "The last good one was +200 ms, so this clock is right, and the sender repeated an old delivery"),
    ((SECOND / 5, -SECOND, SECOND), "The last 3 good ones were -1.00 s to +1.00 s, so this clock is right"),
    ((200 * SECOND, 210 * SECOND), "The last 2 good ones were +3 min, so this clock may be drifting"),
])  # fmt: skip
def test_whose_clock_is_wrong_follows_from_the_good_ones(offsets: tuple[timedelta, ...], said: str) -> None:
    """A stale one is held against how far off the last good ones were."""
    stamp = str(int((T0 - 412 * SECOND).timestamp()))
    it = refused("stale_timestamp", headers=(("x-fal-webhook-timestamp", stamp),))
    found = mends.mend(it, SETTINGS, offsets)
    assert found.startswith("Signed 6 min before it came, limit 300 s. ")
    assert said in found
    assert "TIMESTAMP_TOLERANCE (300 s)" in found


@pytest.mark.parametrize("stamps", [(), ("1", "2"), ("soon",), ("-1",), ("9" * 12,), ("\u0663",)])
def test_a_time_that_is_none_is_said_to_be_none(stamps: tuple[str, ...]) -> None:
    """A header that is absent, doubled or no number of seconds says nothing of when it was signed."""
    it = refused("stale_timestamp", headers=tuple(("x-fal-webhook-timestamp", stamp) for stamp in stamps))
    assert mends.claimed(it) is None
    assert mends.mend(it, SETTINGS).startswith("Its timestamp is no time")


def test_the_future_is_told_as_such() -> None:
    """Signed after it came: the sender's clock is ahead, or ours behind."""
    stamp = str(int((T0 + 400 * SECOND).timestamp()))
    it = refused("stale_timestamp", headers=(("x-fal-webhook-timestamp", stamp),))
    assert "Signed 6 min after it came" in mends.mend(it, SETTINGS)
