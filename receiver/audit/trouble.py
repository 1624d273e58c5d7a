"""What the sealer has to complain of: said once and not every two seconds, and that it is over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from receiver.log import get_logger

AGAIN = timedelta(hours=1)
"""After which a warning that still holds is repeated."""

log = get_logger("sealer")


class Trouble:
    """Remembers what was said, and whether the sealer stands still."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._said: dict[tuple[str, ...], datetime] = {}
        self._stuck = False

    def warn(self, event: str, **facts: Any) -> None:
        """Say it, unless the very same was said within the hour."""
        now, sentence = self._clock(), (event, *map(str, facts.values()))
        self._said = {each: at for each, at in self._said.items() if timedelta(0) <= now - at < AGAIN}
        if sentence not in self._said:
            self._said[sentence] = now
            log.warning(event, **facts)

    def stopped(self, error: str) -> None:
        """The sealer could not do its work."""
        self._stuck = True
        self.warn("sealer could not work", error=error)

    def over(self) -> None:
        """It could. Whatever comes now is news."""
        if self._stuck:
            self._stuck = False
            self._said.clear()
            log.info("sealer works again")
