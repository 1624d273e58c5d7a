"""Deliveries per minute as stacked bars: three shapes for one drawing, and the same in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.ledger.now_reading import Minute
from receiver.pages.words import many

HEIGHT = 100.0
STEP = 10
BAR = 8
LEAST = 2.0
"""How tall one delivery is at least: a single refusal among ten thousand callbacks is seen."""
STACK = ("recorded", "duplicate", "refused")
"""From the ground up."""


@dataclass(frozen=True, slots=True)
class Plot:
    """`shapes` is verdict → SVG path data (SVG 2 §9.3), in a drawing of 10 units a minute and 100 of height."""

    width: int
    shapes: dict[str, str]
    totals: dict[str, int]
    top: int
    says: str


def draw(minutes: Sequence[Minute]) -> Plot:
    """The minutes in their order, the oldest at the left."""
    counts = [tuple(getattr(minute, verdict) for verdict in STACK) for minute in minutes]
    busiest = max(map(sum, counts), default=0)
    top = _round_up(busiest)
    shapes = dict.fromkeys(STACK, "")
    for place, column in enumerate(counts):
        ground = HEIGHT
        for verdict, count in zip(STACK, column, strict=True):
            if count:
                tall = max(HEIGHT * count / top, LEAST)
                shapes[verdict] += f"M{place * STEP + 1} {ground:.1f}h{BAR}v-{tall:.1f}h-{BAR}z"
                ground -= tall
    totals = {verdict: sum(column[n] for column in counts) for n, verdict in enumerate(STACK)}
    return Plot(len(counts) * STEP, shapes, totals, top, _says(totals, busiest))


def _round_up(count: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …: where the scale ends."""
    top, factors = 1, (2, 2.5, 2)
    step = 0
    while top < count:
        top, step = int(top * factors[step % 3]), step + 1
    return top


def _says(totals: dict[str, int], busiest: int) -> str:
    if not busiest:
        return "Deliveries per minute: none came in the last hour."
    parts = f"{totals['recorded']:,} recorded, {totals['duplicate']:,} repeated, {totals['refused']:,} refused"
    most = many(busiest, "delivery", "deliveries")
    return f"Deliveries per minute in the last hour: {parts}. The busiest minute had {most}."
