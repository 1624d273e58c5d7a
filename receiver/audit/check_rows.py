"""Rows against the entries that were sealed of them: what was changed, removed or inserted since, by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from receiver.audit import entries
from receiver.audit.findings import Report
from receiver.errors import BrokenEvidence
from receiver.ledger.evidence import KINDS, Values
from receiver.ledger.trail_reading import LeafRow

AT_ONCE = 500
Read = Callable[[str, Sequence[str]], Mapping[str, Values]]
"""Kind and names → the rows as they stand."""


def rows(leaves: Iterable[LeafRow], last: Mapping[tuple[str, str], int], read: Read, report: Report) -> None:
    """Of each row its last entry says what it says; those before are history."""
    batch: list[LeafRow] = []
    for leaf in leaves:
        if leaf.kind not in KINDS:
            report.found("changed", f"trail {leaf.n}", f"there is no kind of entry called {leaf.kind!r}")
        elif last.get((leaf.kind, leaf.ref), leaf.n) == leaf.n:
            batch.append(leaf)
        else:
            _own(leaf, report)
        if len(batch) == AT_ONCE:
            _compare(batch, read, report)
            batch = []
    _compare(batch, read, report)


def _compare(batch: Sequence[LeafRow], read: Read, report: Report) -> None:
    for kind in {leaf.kind for leaf in batch}:
        mine = [leaf for leaf in batch if leaf.kind == kind]
        found = read(kind, [leaf.ref for leaf in mine])
        for leaf in mine:
            if _own(leaf, report):
                _one(leaf, found.get(leaf.ref), report)
        report.looked(f"{kind} rows", len(mine))


def _own(leaf: LeafRow, report: Report) -> bool:
    """Whether the entry is of the row that the trail's own columns name."""
    try:
        said = entries.names(leaf.entry)
    except (ValueError, BrokenEvidence) as error:
        report.found("changed", f"trail {leaf.n}", f"its entry cannot be read ({error})")
        return False
    if said != (leaf.kind, leaf.ref):
        report.found("changed", f"trail {leaf.n}", f"it is filed as {leaf.kind} {leaf.ref}, and is of {' '.join(said)}")
        return False
    return True


def _one(leaf: LeafRow, values: Values | None, report: Report) -> None:
    kind, where = KINDS[leaf.kind], f"{leaf.kind} {leaf.ref}"
    now = entries.again(leaf.entry, kind.name, leaf.ref, values, kind.hidden, leaf.salt)
    different = entries.differences(leaf.entry, now)
    if not different:
        if values is None:
            report.noted.append(f"{where} was taken back by us, and that is sealed (entry {leaf.n})")
        return
    if different == ["gone"]:
        what = "removed" if values is None else "inserted"
        detail = "its row is not there any more" if values is None else "its row was gone, and is back"
        report.found(what, where, f"{detail} (entry {leaf.n})")
        return
    report.found("changed", where, f"{', '.join(different)} {_are(different)} not as sealed (entry {leaf.n})")


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
