"""What was purged, as the trail says it, and how a row stands after that. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from receiver.audit import entries
from receiver.audit.entries import Entry
from receiver.errors import BrokenEvidence
from receiver.ledger.evidence import Values
from receiver.ledger.purging import EMPTY
from receiver.ledger.trail_reading import LeafRow

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Purge:
    """The entry of a purge: its place in the trail, when it was (RFC 3339), and why."""

    n: int
    at: str
    why: str


def read(leaves: Iterable[LeafRow]) -> dict[str, Purge]:
    """Job → its last purge. What is no such entry is left out: the check of rows names it."""
    found: dict[str, Purge] = {}
    for leaf in leaves:
        try:
            plain = entries.read(leaf.entry).get("plain", {})
        except BrokenEvidence:
            continue
        found[leaf.ref] = Purge(leaf.n, str(plain.get("purged_at")), str(plain.get("why")))
    return found


def of(leaf: LeafRow, entry: Entry, purges: Mapping[str, Purge]) -> Purge | None:
    """The purge that took an entry's salt: one of its job, sealed after it. None where the salt is there."""
    if leaf.salt or leaf.kind not in EMPTY:
        return None
    owner = leaf.ref.partition("/")[0]
    if leaf.kind == "delivery":
        owner = str(entry.get("plain", {}).get("job_id"))
    purge = purges.get(owner)
    return purge if purge is not None and leaf.n < purge.n else None


def refilled(kind: str, values: Values | None) -> list[str]:
    """The columns of a purged row that hold something again."""
    if values is None:
        return []
    return [name for name, nothing in EMPTY[kind].items() if values[name] != _stored(nothing)]


def differences(entry: Entry, kind: str, ref: str, values: Values | None) -> list[str]:
    """In which plain columns a row is not as sealed: of the others nothing can be said any more."""
    hidden = EMPTY[kind]
    plain = None if values is None else {name: value for name, value in values.items() if name not in hidden}
    now = entries.again(entry, kind, ref, plain, (), b"")
    known = entry | {"salt": now["salt"]} | ({} if "gone" in entry else {"hidden": {}})
    return entries.differences(known, now)


def _stored(value: Any) -> Any:
    """As the ledger reads it back."""
    return "{}" if value == {} else value


def notes(purges: Mapping[str, Purge], gone: Collection[str]) -> Iterator[str]:
    """A sentence for each job that is purged, or for those of one day together."""
    days = Counter((purges[job].at[:10], purges[job].why) for job in gone)
    for job in sorted(gone):
        purge = purges[job]
        if days[purge.at[:10], purge.why] == 1:
            yield f"job {job} was purged on {purge.at[:10]} ({purge.why}), and that is sealed (entry {purge.n})"
    for (day, why), count in sorted(days.items()):
        if count > 1:
            yield f"{count:,} jobs were purged on {day} ({why}), and that is sealed"
