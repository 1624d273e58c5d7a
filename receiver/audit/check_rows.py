"""Rows against the entries that were sealed of them: what was changed, removed or inserted since, by name."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from receiver.audit import entries, purged
from receiver.audit.entries import Entry
from receiver.audit.findings import Report
from receiver.errors import BrokenEvidence, WrongRequest
from receiver.ledger.evidence import KINDS, Kind, Values
from receiver.ledger.trail_reading import LeafRow

AT_ONCE = 500
SLACK = timedelta(minutes=15)
"""How long before a checkpoint something may have happened that it does not have: clocks differ, and we are slow."""
Read = Callable[[str, Collection[str]], Mapping[str, Values]]
"""Kind and names → the rows as they stand."""
Name = tuple[str, str]


@dataclass(slots=True)
class Rows:
    """`last`: of what was sealed more than once, the place of the last entry. `queued`: what waits to be sealed anew.

    `signed`: size and time of each checkpoint, in their order.
    """

    last: Mapping[Name, int]
    queued: Mapping[str, Collection[str]]
    read: Read
    report: Report
    signed: Sequence[tuple[int, str]] = ()
    purges: Mapping[str, purged.Purge] = field(default_factory=dict)
    emptied: set[Name] = field(default_factory=set)
    """Rows that stand as a purge leaves them."""
    _older: dict[Name, list[tuple[LeafRow, Entry]]] = field(default_factory=dict)

    def check(self, leaves: Iterable[LeafRow]) -> None:
        """Of each row its last entry says what it says; those before are history, and say what never changes."""
        batch: list[LeafRow] = []
        for leaf in leaves:
            batch.append(leaf)
            if len(batch) == AT_ONCE:
                self._batch(batch)
                batch = []
        self._batch(batch)

    def _batch(self, batch: Sequence[LeafRow]) -> None:
        refs: dict[str, list[str]] = {}
        for leaf in batch:
            if leaf.kind in KINDS:
                refs.setdefault(leaf.kind, []).append(leaf.ref)
        found = {kind: self.read(kind, names) for kind, names in refs.items()}
        known: dict[str, list[tuple[LeafRow, Entry]]] = {}
        for leaf in batch:
            if not self._stands_plainly(leaf, found.get(leaf.kind, {}).get(leaf.ref)):
                entry = self._own(leaf)
                if entry is not None:
                    known.setdefault(leaf.kind, []).append((leaf, entry))
        for name, mine in known.items():
            for leaf, entry in mine:
                self._one(KINDS[name], leaf, entry, found[name].get(leaf.ref))
            self.report.looked(f"{name} rows", len(mine))

    def _stands_plainly(self, leaf: LeafRow, values: Values | None) -> bool:
        """Whether it is the one entry of a row that stands as sealed. Nearly all are; they need no more."""
        name, kind = (leaf.kind, leaf.ref), KINDS.get(leaf.kind)
        if values is None or kind is None or name in self.last or leaf.ref in self.queued.get(leaf.kind, ()):
            return False
        if not entries.is_written(leaf.entry, leaf.kind, leaf.ref, values, kind.hidden, leaf.salt):
            return False
        self._dated(kind, leaf, values.get(str(kind.at)))
        self.report.looked(f"{kind.name} rows")
        return True

    def _own(self, leaf: LeafRow) -> Entry | None:
        """The entry, when it is of the row that the trail's own columns name, and salted as they say."""
        where = f"trail {leaf.n}"
        try:
            entry = entries.read(leaf.entry)
        except BrokenEvidence as error:
            self.report.found("changed", where, f"its entry cannot be read ({error})")
            return None
        if leaf.kind not in KINDS:
            self.report.found("changed", where, f"there is no kind of entry called {leaf.kind!r}")
        elif entries.names(entry) != (leaf.kind, leaf.ref):
            said = " ".join(entries.names(entry))
            self.report.found("changed", where, f"it is filed as {leaf.kind} {leaf.ref}, and is of {said}")
        elif not entries.is_salted(entry, leaf.salt) and not purged.of(leaf, entry, self.purges):
            self.report.found("changed", where, f"the salt of {leaf.kind} {leaf.ref} is not the one it was sealed with")
        else:
            return entry
        return None

    def _one(self, kind: Kind, leaf: LeafRow, entry: Entry, values: Values | None) -> None:
        name, where = (leaf.kind, leaf.ref), f"{leaf.kind} {leaf.ref}"
        if name not in self._older:
            self._dated(kind, leaf, entry.get("plain", {}).get(kind.at))
        if self.last.get(name, leaf.n) != leaf.n:
            older = self._older.setdefault(name, [])
            older[:] = [] if "gone" in entry else [*older, (leaf, entry)]
            return
        older = [] if "gone" in entry else self._older.pop(name, [])
        if leaf.ref in self.queued.get(leaf.kind, ()):
            older += [] if "gone" in entry else [(leaf, entry)]
        else:
            self._stands(kind, leaf, entry, values)
        if values is None and not kind.leaves and ("gone" in entry or older):
            self.report.found("removed", where, f"a row of this kind is never taken back (entry {leaf.n})")
        if values is not None:
            for each, was in older:
                self._history(kind, each, was, values)

    def _stands(self, kind: Kind, leaf: LeafRow, entry: Entry, values: Values | None) -> None:
        where = f"{leaf.kind} {leaf.ref}"
        different = self._differences(kind, leaf, entry, values)
        if purged.of(leaf, entry, self.purges):
            different += purged.refilled(leaf.kind, values)
            self.emptied.add((leaf.kind, leaf.ref))
        if not different and values is None:
            self.report.note(f"{where} was taken back by us, and that is sealed (entry {leaf.n})")
        elif different == ["gone"]:
            what = "removed" if values is None else "inserted"
            detail = "its row is not there any more" if values is None else "its row was gone, and is back"
            self.report.found(what, where, f"{detail} (entry {leaf.n})")
        elif different:
            self.report.found("changed", where, f"{_are(different)} not as sealed (entry {leaf.n})")

    def _history(self, kind: Kind, leaf: LeafRow, entry: Entry, values: Values) -> None:
        """What was sealed before, too, still stands, but for what may change in a row of this kind."""
        moves = () if kind.name == "delivery" and values["verdict"] != WrongRequest.slug else kind.moves
        wrong = [
            name
            for name in self._differences(kind, leaf, entry, values)
            if name not in moves and not (name in kind.filled and _was_empty(kind, leaf, entry, name))
        ]
        if wrong:
            detail = f"{_are(wrong)} not as sealed at first (entry {leaf.n})"
            self.report.found("changed", f"{leaf.kind} {leaf.ref}", detail)

    def _differences(self, kind: Kind, leaf: LeafRow, entry: Entry, values: Values | None) -> list[str]:
        if purged.of(leaf, entry, self.purges):
            return purged.differences(entry, leaf.kind, leaf.ref, values)
        now = entries.again(entry, kind.name, leaf.ref, values, kind.hidden, leaf.salt)
        return entries.differences(entry, now)

    def _dated(self, kind: Kind, leaf: LeafRow, said: Any) -> None:
        """What happened before a checkpoint, and well before it, stands under it; `said` is when it happened."""
        under = bisect_right(self.signed, leaf.n, key=lambda each: each[0])
        if under and isinstance(said, str) and said < (earliest := _earlier(self.signed[under - 1][1])):
            detail = f"its {kind.at} is {said}, yet it was not there when a checkpoint was signed after {earliest}"
            self.report.found("backdated", f"{leaf.kind} {leaf.ref}", f"{detail} (entry {leaf.n})")


def _was_empty(kind: Kind, leaf: LeafRow, entry: Entry, name: str) -> bool:
    if name in kind.hidden:
        nothing: dict[str, Any] = dict.fromkeys((*kind.plain, *kind.hidden))
        empty = entries.again(entry, kind.name, leaf.ref, nothing, kind.hidden, leaf.salt)
        return bool(entry["hidden"].get(name) == empty["hidden"][name])
    return entry["plain"].get(name, "") is None


def _earlier(time: str) -> str:
    """A bit before the time of a checkpoint, as entries write it; for what is no time, before everything."""
    try:
        return (datetime.fromisoformat(time) - SLACK).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return ""


def _are(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
