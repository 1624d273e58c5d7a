"""How far one page is looked for: in steps that grow, as most pages are full at once, until it took long enough."""

import time
from collections.abc import Callable

FIRST, LARGEST = 250, 2000
"""Rows that are looked at in one step."""
MOST = 20_000
"""Rows that are looked at for one page, and not many more."""
PATIENCE = 0.05
"""Seconds that looking for one page may take."""


class Pace:
    """The next `step`, in rows. No step is begun that would not end in time, going by those before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.step = FIRST
        self._clock, self._looked, self._begun = clock, 0, clock()

    def is_over(self) -> bool:
        """A step was made: whether it was the last."""
        self._looked += self.step
        took = max(self._clock() - self._begun, 1e-6)
        affordable = int(self._looked * (PATIENCE - took) / took)
        self.step = min(2 * self.step, LARGEST, affordable)
        return self._looked >= MOST or affordable < FIRST
