"""How far one page is looked for: in steps that grow, as most pages are full at once, until it took long enough."""

import time
from collections.abc import Callable

FIRST, LARGEST = 100, 1000
"""Rows that are looked at in one step."""
MOST = 20_000
"""Rows that are looked at for one page, and not many more."""
PATIENCE = 0.04
"""Seconds that looking for one page may take."""


class Pace:
    """The next `step`, in rows. None is begun that would take more than half of the time left, going by those before.

    By the slower of the last and all of them: older rows may have to come from the disk.

    Time counts from when it is made: what was looked at before the first step is paid for out of it, too.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.step = FIRST
        self._clock, self._looked = clock, 0
        self._begun = self._last = clock()

    def is_over(self) -> bool:
        """A step was made: whether it was the last."""
        self._looked += self.step
        now = self._clock()
        took, last = max(now - self._begun, 1e-6), max(now - self._last, 1e-6)
        affordable = int(min(self._looked / took, self.step / last) * (PATIENCE - took) / 2)
        self._last, self.step = now, min(2 * self.step, LARGEST, affordable)
        return self._looked >= MOST or affordable < FIRST
