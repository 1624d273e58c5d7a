"""The rules by which a job climbs: pure, so every claim can be tried on many values."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from receiver.ledger.rules import FINAL, STATUS, Standing, advance, image_key, settle
from receiver.wire.types import Event, ImageRef, Outcome

EXPECTED = 3
IMAGES = st.lists(
    st.builds(ImageRef, key=st.sampled_from("abc"), place=st.sampled_from([None, 0, 1, 2])), max_size=3
).map(tuple)
STANDINGS = st.sampled_from(Standing)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event; as on the wires, only a success announces results."""
    outcome = draw(st.sampled_from(Outcome))
    images = draw(IMAGES) if outcome is Outcome.SUCCEEDED else ()
    return Event("e", "r", outcome, images)


def play(standing: Standing, told: list[Event]) -> Standing:
    """Event after event, with the results that are known by then."""
    known: set[str] = set()
    for event in told:
        known |= {ref.key for ref in event.images}
        standing = advance(standing, event, announced=len(known), expected=EXPECTED)
    return standing


@given(STANDINGS, events(), events(), st.integers(0, 4))
def test_advance_is_commutative(standing: Standing, one: Event, two: Event, announced: int) -> None:
    """Two events in either order end in the same standing."""
    ways = [
        advance(advance(standing, first, announced=announced, expected=EXPECTED), second,
                announced=announced, expected=EXPECTED)
        for first, second in ((one, two), (two, one))
    ]  # fmt: skip

    assert ways[0] == ways[1]


@given(STANDINGS, events(), st.integers(0, 4))
def test_advance_is_idempotent(standing: Standing, event: Event, announced: int) -> None:
    """The same event again changes nothing."""
    once = advance(standing, event, announced=announced, expected=EXPECTED)

    assert advance(once, event, announced=announced, expected=EXPECTED) == once


@given(STANDINGS, STANDINGS, events(), st.integers(0, 4))
def test_advance_is_associative(one: Standing, two: Standing, event: Event, announced: int) -> None:
    """An event joined to a join is the join of both: how what is known is grouped does not matter."""
    apart = max(one, advance(two, event, announced=announced, expected=EXPECTED))

    assert advance(max(one, two), event, announced=announced, expected=EXPECTED) == apart


@given(STANDINGS, STANDINGS, events(), st.integers(0, 4), st.integers(0, 4))
def test_advance_only_climbs(one: Standing, two: Standing, event: Event, few: int, more: int) -> None:
    """A higher standing, or more results, never ends lower; and no event takes a job down."""
    (low, high), (few, more) = sorted((one, two)), sorted((few, more))

    below = advance(low, event, announced=few, expected=EXPECTED)

    assert low <= below <= advance(high, event, announced=more, expected=EXPECTED)


@given(st.lists(events(), max_size=5), STANDINGS)
def test_order_and_repeats_cannot_matter(told: list[Event], standing: Standing) -> None:
    """Every order of the same events, each of them once or twice, ends in the same standing."""
    ends = {play(standing, list(order)) for order in itertools.permutations(told)}

    assert ends | {play(standing, told + told)} == {play(standing, told)}


def test_success_without_results_is_unclear() -> None:
    """A success that announces nothing is unclear, also where results are known from another delivery."""
    empty = Event("e", "r", Outcome.SUCCEEDED)

    assert advance(Standing.SUBMITTED, empty, announced=2, expected=3) is Standing.UNCLEAR


def test_results_one_by_one_succeed_with_the_last() -> None:
    """Where each result comes alone, success is reached with the last; together, the one event is the whole answer."""
    alone = Event("e", "r", Outcome.SUCCEEDED, (ImageRef("u", place=0),))
    together = Event("e", "r", Outcome.SUCCEEDED, (ImageRef("0"),))

    assert advance(Standing.PENDING, alone, announced=2, expected=3) is Standing.SUBMITTED
    assert advance(Standing.PENDING, alone, announced=3, expected=3) is Standing.SUCCEEDED
    assert advance(Standing.PENDING, together, announced=1, expected=3) is Standing.SUCCEEDED


@given(STANDINGS, st.lists(st.booleans()))
def test_settle_delivers_a_success_alone(standing: Standing, stored: list[bool]) -> None:
    """Delivered means: the provider is done, there is an image, and every one is stored."""
    done = standing is Standing.SUCCEEDED and bool(stored) and all(stored)

    assert settle(standing, stored) is (Standing.DELIVERED if done else standing)


def test_a_late_success_stands_above_every_other_end() -> None:
    """The picture was made and paid for: success is above expired, cancelled and failed."""
    others = {standing for standing in Standing if standing < Standing.SUCCEEDED}

    assert {Standing.EXPIRED, Standing.CANCELLED, Standing.FAILED} <= others


def test_every_standing_has_a_public_word() -> None:
    """The contract's seven words, and no other, are what standings are called; four of them are ends."""
    words = {"pending", "submitted", "succeeded", "delivered", "failed", "expired", "cancelled"}

    assert set(STATUS) == set(Standing)
    assert set(STATUS.values()) == words
    assert words - {"pending", "submitted", "succeeded"} == FINAL


def test_a_result_that_is_put_to_us_is_named_by_its_place() -> None:
    """A PUT knows only its place, so that the callback's own name for the result must give way to it."""
    assert image_key(upload=True, key="uuid", place=0) == "0"
    assert image_key(upload=True, key="uuid", place=None) == "uuid"
    assert image_key(upload=False, key="uuid", place=2) == "uuid"
