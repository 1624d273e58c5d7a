"""One look at the present for all who watch it: taken again after a second, by whoever asks first."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from receiver.ledger.later import Later

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from receiver.ledger import now_reading
    from receiver.ledger.now_reading import NowView
else:
    now_reading = Later("receiver.ledger.now_reading")

T = TypeVar("T")
SECOND = timedelta(seconds=1)
SHARE = 20
"""What is slow to count is counted again only after so many times the time that it took."""
LONGEST = 5.0
"""Seconds after which it is counted again in any case."""


class Watch:
    """The last view, and of what it is made of the parts that hold for longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[datetime, NowView] | None = None
        self.rested = Rested()
        self.minutes: dict[datetime, Any] = {}

    def fresh(self, now: datetime) -> "NowView | None":
        """The last view, if it is of this second."""
        last = self._last
        return last[1] if last is not None and timedelta(0) <= now - last[0] < SECOND else None

    def look(self, connection: "Connection", now: datetime) -> "NowView":
        """Look, unless another has done so meanwhile."""
        with self._lock:
            found = self.fresh(now)
            if found is None:
                found = now_reading.look(connection, now, self)
                self._last = (now, found)
            return found


class Rested:
    """Values that are found anew only after a rest, which is the longer the longer it takes to find them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[float, Any]] = {}

    def get(self, name: str, find: Callable[[], T], least: float = 0.0) -> T:
        """What `find` gave last, or gives now; that is good for `least` seconds."""
        begun = self._clock()
        until, held = self._held.get(name, (begun, None))
        if begun >= until:
            held = find()
            ended = self._clock()
            self._held[name] = (ended + max(least, min(SHARE * (ended - begun), LONGEST)), held)
        found: T = held
        return found
