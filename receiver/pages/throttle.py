"""How often a wrong token may be tried. Kept in memory, and never more of it than `addresses` lines."""

import ipaddress
from collections import OrderedDict, deque
from datetime import datetime, timedelta

FAILURES = 10
WINDOW = timedelta(minutes=1)
ADDRESSES = 1024


class Throttle:
    """At most so many wrong tries within the window for one address; the one longest silent is forgotten first."""

    def __init__(self, failures: int = FAILURES, window: timedelta = WINDOW, addresses: int = ADDRESSES) -> None:
        self._failures, self._window, self._addresses = failures, window, addresses
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait(self, address: str, now: datetime) -> timedelta:
        """How long this address has to wait; zero when it may try."""
        tries = self._seen.get(_place(address))
        if tries is None:
            return timedelta(0)
        while tries and now - tries[0] >= self._window:
            tries.popleft()
        return tries[0] + self._window - now if len(tries) >= self._failures else timedelta(0)

    def failed(self, address: str, now: datetime) -> None:
        place = _place(address)
        self._seen.setdefault(place, deque(maxlen=self._failures)).append(now)
        self._seen.move_to_end(place)
        while len(self._seen) > self._addresses:
            self._seen.popitem(last=False)

    def succeeded(self, address: str) -> None:
        self._seen.pop(_place(address), None)


def _place(address: str) -> str:
    """Who is meant by an address: of IPv6 the /64, because one machine has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
