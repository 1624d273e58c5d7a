"""What this process counts on the road. Each delivery pays for it, so it only notes how long a step took.

The notes become histograms when there are many of them, or when somebody asks: sorting a thousand is cheaper than
finding a place for each.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

BOUNDS = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds of the buckets, in seconds; a time that is equal to one is within it, as Prometheus has it."""
MOST_NOTED = 1024
STEPS = ("body", "store", "verify", "record", "whole")


@dataclass(slots=True)
class Histogram:
    """How many within each bound but not within the one before, then those beyond all; and the sum of all seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    sum: float = 0.0

    def add(self, noted: list[float]) -> None:
        noted.sort()
        self.sum += sum(noted)
        before = 0
        for place, bound in enumerate(BOUNDS):
            upto = bisect_right(noted, bound, before)
            self.counts[place] += upto - before
            before = upto
        self.counts[-1] += len(noted) - before


class Tally:
    """Steps of the road, and what became of deliveries by (door, provider, verdict). For one thread.

    `body` the request was read, `store` an upload was stored, `verify` keys, signature and parsing, `record` until
    after COMMIT: of what was believed. `whole` from the first line to the answer: of all that came.
    """

    __slots__ = ("_folded", "answers", "body", "record", "store", "verify", "whole")

    def __init__(self) -> None:
        self.answers: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._folded = {step: Histogram() for step in STEPS}
        self.body, self.store, self.verify, self.record, self.whole = (list[float]() for _ in STEPS)

    def answered(self, door: str, provider: str, verdict: str, seconds: float) -> None:
        """A door gave its answer."""
        self.answers[door, provider, verdict] += 1
        self.whole.append(seconds)
        if len(self.whole) > MOST_NOTED:
            self.fold()

    def recorded(self, seconds: float) -> None:
        """The ledger took something down; not all of it came by a door."""
        self.record.append(seconds)
        if len(self.record) > MOST_NOTED:
            self.fold()

    def fold(self) -> Mapping[str, Histogram]:
        """Every step with all that was noted."""
        for step, histogram in self._folded.items():
            noted: list[float] = getattr(self, step)
            histogram.add(noted)
            noted.clear()
        return self._folded
