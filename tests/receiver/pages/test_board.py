"""The values that the page Now is filled in with."""

import json
from datetime import timedelta

import pytest

from receiver.ledger.now_reading import Minute, NowView
from receiver.pages.board import board, left
from receiver.pages.words import ago
from tests.receiver.pages.seeding import T0, Clock, Seed

QUIET = tuple(Minute(T0 - timedelta(minutes=n), 0, 0, 0) for n in range(59, -1, -1))
NOTHING = NowView(
    since=T0 - timedelta(days=1), delivered=0, failed=0, expired=0, refused=0, collecting=0, waiting=0, dead=0,
    queue=0, unsealed=0, more=(), oldest_out=None, minutes=QUIET, seconds=(), soonest=None, checkpoint=None, latest=(),
)  # fmt: skip


def changed(**given: object) -> NowView:
    facts = {name: getattr(NOTHING, name) for name in NowView.__dataclass_fields__}
    return NowView(**{**facts, **given})


@pytest.mark.parametrize(("seconds", "said"), [
    (190, "3:10"), (59, "0:59"), (0.9, "over"), (0, "over"), (-5, "over"), (3600, "1:00:00"), (86_399, "23:59:59"),
])  # fmt: skip
def test_a_countdown(seconds: float, said: str) -> None:
    """Minutes and seconds, hours when there are some; nobody counts below nothing."""
    assert left(T0 + timedelta(seconds=seconds), T0) == said


@pytest.mark.parametrize(("given", "out", "care"), [
    ({}, "No job is out", ""),
    ({"delivered": 2}, "No job is out", "Every image that was announced is stored."),
    ({"waiting": 1}, "1 job is out", ""),
    ({"waiting": 2, "collecting": 1, "queue": 4}, "3 jobs are out", "4 images are being fetched."),
    ({"dead": 1, "queue": 4, "delivered": 2}, "No job is out", "1 dead letter waits for you: see below."),
])  # fmt: skip
def test_the_sentence_says_what_needs_care(given: dict[str, int], out: str, care: str) -> None:
    """The worst thing is said, and nothing is called good while an image is on its way."""
    shown = board(changed(**given), (), T0, "")
    assert shown["out"].startswith(out)
    assert shown["care"] == care


def test_a_count_that_was_not_made_to_its_end_says_so() -> None:
    """Nothing is told as the whole that is not: in figures and in sentences."""
    shown = board(changed(delivered=7, waiting=50_000, queue=50_000, more=("waiting", "queue")), (), T0, "")
    assert (shown["counts"]["delivered"], shown["counts"]["waiting"]) == ("7", "more than 50,000")
    assert shown["queue"] == "more than 50,000 images wait"
    assert shown["out"].startswith("More than 50,000 jobs are out")
    assert shown["care"] == "More than 50,000 images are being fetched."


def test_only_minutes_with_deliveries_are_listed() -> None:
    """The table is as short as the hour was quiet, newest first."""
    minutes = [Minute(T0 + timedelta(minutes=n), n % 2, 0, 0) for n in range(6)]
    shown = board(changed(minutes=tuple(minutes)), (), T0, "")
    assert [each["at"]["says"] for each in shown["minutes"]] == ["12:05 UTC", "12:03 UTC", "12:01 UTC"]


async def test_what_is_sent_is_json(seed: Seed, clock: Clock) -> None:
    """Every value survives as text, number or nothing, and every item of a list has a key of its own."""
    jobs = [await seed.road.ledger.job(await seed.delivered()) for _ in range(3)]
    shown = board(changed(latest=tuple(jobs), checkpoint=(T0, 14_203), unsealed=1), jobs, clock.now, "/below")
    assert json.loads(json.dumps(shown)) == shown
    assert shown["checkpoint"]["entries"] == "14,203 entries; 1 entry waits to be sealed"
    assert shown["checkpoint"]["at"]["says"] == ago(T0, clock.now)
    for name in ("latest", "stuck"):
        assert len({each["key"] for each in shown[name]}) == 3
        assert all(each["href"].startswith("/below/jobs/") for each in shown[name])
