"""What comes next in the tree: the oldest of the queue as rows, and each that says something new as an entry."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from receiver.audit import entries, merkle
from receiver.errors import BrokenEvidence
from receiver.ledger.archive import Look
from receiver.ledger.evidence import KINDS, Values, can_name
from receiver.ledger.trail import Leaf, Waiting
from receiver.log import get_logger

SALT = 32
Name = tuple[str, str]
"""Kind and name of a row."""
Rows = Mapping[str, Mapping[str, Values]]
"""Kind → name → what stands there."""

log = get_logger("sealer")


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries to append, and the queue's rows that are done with it; `taken` counts the names in those."""

    leaves: list[Leaf]
    done: list[int]
    taken: int


def gather(there: Look, limit: int, at: str) -> Batch:
    """Of the `limit` oldest of the queue, as they stand now; `at` is the time that the entries are of."""
    waiting = there.waiting(limit)
    order, rows = _behind(there, waiting)
    leaves = _fresh(there, order, rows, at)
    return Batch(leaves, sorted({each.n for each in waiting}), len(waiting))


def _behind(there: Look, waiting: Sequence[Waiting]) -> tuple[list[Name], Rows]:
    """Each row once; a delivery's key comes before it, and its events behind it."""
    order = {(each.kind, each.ref): None for each in waiting if each.kind in KINDS and can_name(each.ref)}
    if strange := [each.n for each in waiting if (each.kind, each.ref) not in order]:
        log.warning("the queue names what can be no row, and is rid of it", rows=strange[:10])
    deliveries = [ref for kind, ref in order if kind == "delivery"]
    order |= {("event", ref): None for ref in there.events_of(deliveries)}
    rows = {kind: there.values(kind, refs) for kind, refs in _by_kind([*order]).items()}
    keys = {str(row["key_fingerprint"]) for row in rows.get("delivery", {}).values() if row["key_fingerprint"]}
    rows["key"] = there.values("key", sorted(keys))
    return [*(("key", ref) for ref in rows["key"]), *order], rows


def _fresh(there: Look, order: Sequence[Name], rows: Rows, at: str) -> list[Leaf]:
    """The entries that say something new."""
    sealed = {kind: there.latest(kind, refs) for kind, refs in _by_kind(order).items()}
    leaves = []
    for kind, ref in order:
        values, hidden = rows[kind].get(ref), KINDS[kind].hidden
        before = sealed[kind].get(ref)
        if values is None if before is None else _same(kind, ref, values, *before):
            continue
        salt = os.urandom(SALT)
        entry = entries.written(kind, ref, at, values, hidden, salt)
        leaves.append(Leaf(kind, ref, salt, entry, merkle.leaf_hash(entry)))
    return leaves


def _by_kind(order: Sequence[Name]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, ref in order:
        found.setdefault(kind, []).append(ref)
    return found


def _same(kind: str, ref: str, values: Values | None, salt: bytes, entry: bytes) -> bool:
    try:
        return not entries.differences(entry, entries.again(entry, kind, ref, values, KINDS[kind].hidden, salt))
    except BrokenEvidence:
        return False
