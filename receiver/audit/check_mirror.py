"""The mirror against the database: folder by folder, by the names alone, and by their bytes where that is worth it.

A folder of a thousand costs one request, and its names hold the hashes of what stands there. Read are the newest, those
that the database has not, and with `deep` all.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.audit.check_outside import Judge
from receiver.audit.findings import Report
from receiver.audit.mirror import MOST, ROOM, Kept, Mirror, digest
from receiver.errors import LedgerBusy, TooLarge, TryLater
from receiver.ledger import checkpoint_reading
from receiver.ledger.checkpoint_reading import Numbered
from receiver.ledger.evidence import moment
from receiver.ledger.ledger import Ledger

LATE = timedelta(minutes=5)
"""How old a checkpoint may be before the mirror has it."""
NEWEST = 100
"""Of the newest that both have, so many are read."""
MOST_MISSED = 1000
"""Of those that the database has not, so many are read and named one by one."""
AT_ONCE = 8
"""Requests to the mirror at one time."""
_TIME = b"\ntime "


@dataclass(slots=True)
class MirrorLook:
    """One look at the mirror. `judge` knows the tree and our keys; `since` bounds what is read, as everywhere."""

    ledger: Ledger
    mirror: Mirror
    judge: Judge
    now: datetime
    since: datetime | None = None
    _missed: int = 0
    _begun: int = 0
    _last: int = 0
    _newest: deque[tuple[Kept, bytes]] = field(default_factory=lambda: deque(maxlen=NEWEST))

    @property
    def _report(self) -> Report:
        return self.judge.report

    async def run(self, *, deep: bool = False) -> None:
        """Name what does not fit. A mirror that does not answer is a finding, too. Raises LedgerBusy."""
        try:
            await self._all(deep=deep)
        except LedgerBusy:
            raise
        except TryLater as error:
            self._report.found("unreadable", "mirror", f"{self.mirror.place} cannot be checked: {error}")

    async def _all(self, *, deep: bool) -> None:
        rooms = await self.mirror.rooms()
        newest = await self.ledger.read(checkpoint_reading.newest)
        self._last = newest[0] if newest else 0
        wanted = sorted({*rooms, *range(rooms[0] if rooms else self._last // ROOM, self._last // ROOM + 1)})
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            lists = await asyncio.gather(*map(self.mirror.room, some))
            for room, (kept, strange) in zip(some, lists, strict=True):
                await self._room(room, kept, strange, deep=deep)
        await self._read(self._newest)
        self._told(newest)

    async def _room(self, room: int, kept: Sequence[Kept], strange: Sequence[str], *, deep: bool) -> None:
        """The mirror was listed before the database is read: what it has honestly, the database has already."""
        low = room * ROOM
        rows = dict(await self.ledger.read(lambda c: checkpoint_reading.between(c, low, low + ROOM - 1, ROOM)))
        names, both, sound = {n: digest(data) for n, data in rows.items()}, set[int](), list[tuple[Kept, bytes]]()
        for name in strange:
            self._report.found("inserted", self._at(name), "no checkpoint has such a name")
        if len(kept) + len(strange) >= MOST:
            self._report.found("unreadable", self._at(f"numbers {low} and on"), f"there are more than {MOST} names")
        for each in kept:
            if names.get(each.n) != each.sha256:
                await self._stranger(each, rows.get(each.n))
                continue
            both.add(each.n)
            if each.bytes == len(rows[each.n]):
                sound.append((each, rows[each.n]))
            else:
                self._altered(each)
        self._report.looked("mirrored checkpoints", len(kept))
        self._lacks(rows, {each.n for each in kept}, both)
        if deep:
            await self._read(
                [pair for pair in sound if self.since is None or _time(pair[1]) >= str(moment(self.since))]
            )
        else:
            self._newest.extend(sound)

    async def _stranger(self, kept: Kept, row: bytes | None) -> None:
        """The mirror has it, the database has not."""
        self._missed += 1
        if self._missed > MOST_MISSED:
            return
        data = await self._bytes(kept)
        if data is not None and digest(data) != kept.sha256:
            self._altered(kept)
        elif data is not None:
            how = "changed" if row is not None else "rolled back" if kept.n > self._last else "removed"
            self.judge.missed(data, f"checkpoint {kept.n}", self._at(kept.name), how)

    def _lacks(self, rows: dict[int, bytes], names: set[int], both: set[int]) -> None:
        """The database has them, the mirror has not, and is not about to: the sealer puts them within seconds."""
        if not self._begun and both:
            self._begun = min(both)
        late = str(moment(self.now - LATE))
        lacks = [n for n in rows if 0 < self._begun < n and n not in names and _time(rows[n]) < late]
        for first, last in _runs(lacks):
            where = f"checkpoint {first}" + (f" to {last}" if last > first else "")
            self._report.found("missing", where, f"not in the mirror, {self.mirror.place}, though old enough for it")

    async def _read(self, pairs: Iterable[tuple[Kept, bytes]]) -> None:
        """Bytes that must be those of the database: what is signed, and by whom, is then said of both."""
        left = list(pairs)
        for start in range(0, len(left), AT_ONCE):
            await asyncio.gather(*(self._same(*pair) for pair in left[start : start + AT_ONCE]))

    async def _same(self, kept: Kept, row: bytes) -> None:
        data = await self._bytes(kept)
        self._report.looked("mirrored checkpoints read")
        if data is not None and data != row:
            self._altered(kept)

    def _altered(self, kept: Kept) -> None:
        self._report.found("altered", self._at(kept.name), "what stands there is not what its name says")

    async def _bytes(self, kept: Kept) -> bytes | None:
        """None where that is a finding by itself."""
        try:
            data = await self.mirror.get(kept)
        except TooLarge as error:
            self._report.found("altered", self._at(kept.name), str(error))
            return None
        if data is None:
            self._report.found("missing", self._at(kept.name), "it was listed, but is not there")
        return data

    def _told(self, newest: Numbered | None) -> None:
        if self._missed > MOST_MISSED:
            detail = f"the database has {self._missed - MOST_MISSED} more of its checkpoints not; they were not read"
            self._report.found("rolled back", self._at(""), detail)
        if self._begun > 1:
            self._report.note(
                f"the mirror begins at checkpoint {self._begun}: {self._begun - 1} before it are not there"
            )
        if not self._begun and newest is not None and _time(newest[1]) < str(moment(self.now - LATE)):
            detail = f"not in the mirror, {self.mirror.place}, nor is any other; is `proofhook serve` running?"
            self._report.found("missing", f"checkpoint {newest[0]}", detail)

    def _at(self, name: str) -> str:
        return f"{self.mirror.place}/{name}".rstrip("/")


def _time(note: bytes) -> str:
    """The time that a note of ours names; what names none is as old as can be."""
    return note.partition(_TIME)[2].partition(b"\n")[0].decode(errors="replace")


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that follow on each other; the numbers ascend."""
    runs = list[tuple[int, int]]()
    for n in numbers:
        if runs and runs[-1][1] == n - 1:
            runs[-1] = runs[-1][0], n
        else:
            runs.append((n, n))
    return runs
