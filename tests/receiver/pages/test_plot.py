"""The plot: bars that stand on one another, and the same in words."""

import re
from datetime import timedelta

import pytest

from receiver.ledger.now_reading import Minute
from receiver.pages.plot import BAR, HEIGHT, LEAST, STEP, draw
from tests.receiver.pages.seeding import T0


def minutes(*counts: tuple[int, int, int]) -> list[Minute]:
    return [Minute(T0 + timedelta(minutes=n), *count) for n, count in enumerate(counts)]


def bars(path: str) -> list[tuple[int, float, float]]:
    """Left, ground and height of each bar."""
    found = re.findall(rf"M(\d+) (-?[\d.]+)h{BAR}v-([\d.]+)h-{BAR}z", path)
    assert "".join(f"M{left} {ground}h{BAR}v-{tall}h-{BAR}z" for left, ground, tall in found) == path
    return [(int(left), float(ground), float(tall)) for left, ground, tall in found]


def test_bars_stand_on_one_another() -> None:
    """Recorded at the ground, repeated on it, refused on top, each as tall as its count on one scale."""
    drawn = draw(minutes((0, 0, 0), (5, 3, 2)))
    assert (drawn.width, drawn.top) == (2 * STEP, 10)
    assert bars(drawn.shapes["recorded"]) == [(STEP + 1, HEIGHT, 50)]
    assert bars(drawn.shapes["duplicate"]) == [(STEP + 1, 50, 30)]
    assert bars(drawn.shapes["refused"]) == [(STEP + 1, 20, 20)]


def test_one_among_ten_thousand_is_seen() -> None:
    """A single refusal keeps a height that an eye can find."""
    drawn = draw(minutes((10_000, 0, 1)))
    assert bars(drawn.shapes["refused"])[0][2] == LEAST


@pytest.mark.parametrize(
    ("busiest", "top"), [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (999, 1000)]
)
def test_the_scale_ends_at_a_round_number(busiest: int, top: int) -> None:
    """1, 2 or 5 times a power of ten, and never below the busiest minute."""
    assert draw(minutes((busiest, 0, 0))).top == top


def test_the_same_in_words() -> None:
    """Who does not see the drawing is told its totals and its highest bar; an empty hour is said to be one."""
    says = draw(minutes((1200, 1, 0), (34, 0, 2))).says
    assert "1,234 recorded, 1 repeated, 2 refused. The busiest minute had 1,201 deliveries." in says
    assert "none came in" in draw(minutes((0, 0, 0))).says
    assert draw([]).shapes == {"recorded": "", "duplicate": "", "refused": ""}
