"""How a part of `serve` ends: asked once in good order, asked again at once, and in no case later than its grace."""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

GRACE = 7.0
"""Seconds from the first word to the end, whatever is still under way: the least that a platform gives is ten."""
AGAIN = 0.5
"""Seconds after which another signal is a second one. Heroku sends SIGTERM to every process, some of them twice."""
ASKING = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """The word to end, from a signal or from the supervisor; `then` says what is to be done about it."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._calls: list[Callable[[], object]] = []

    def listen(self) -> None:
        """From here on SIGINT and SIGTERM are heard. In the main thread only."""
        for number in ASKING:
            signal.signal(number, self._signalled)

    def then(self, call: Callable[[], object]) -> None:
        """To be called, perhaps from another thread, when the word comes; now, when it has come already."""
        self._calls.append(call)
        if self._began is not None:
            call()

    def begin(self) -> None:
        """The word. Only the first counts.

        The alarm is the system's: SIGALRM ends this process even where no line of Python is run any more.
        """
        if self._began is not None:
            return
        self._began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        for call in tuple(self._calls):
            call()

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if self._began is not None and time.monotonic() - self._began >= AGAIN:
            os._exit(128 + number)
        self.begin()
