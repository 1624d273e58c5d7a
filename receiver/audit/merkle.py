"""The Merkle tree of RFC 6962 §2.1 (the same hashes as RFC 9162 §2.1): its hashes, its root, and how it grows. Pure.

A *node* (level, index) is the hash of a complete subtree: of the 2**level leaves from index * 2**level on. Nodes never
change once they exist, so they can be stored; every root and every proof is made of a few of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from receiver.errors import BrokenEvidence

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""

Nodes: TypeAlias = Callable[[int, int], bytes]
"""(level, index) → the hash of that complete subtree; raises BrokenEvidence where it is not held."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry): RFC 6962 §2.1. The prefix keeps an entry from passing as an inner node."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each, in one loop."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right): RFC 6962 §2.1. Both must be hashes of 32 bytes; whoever calls has checked it."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes (MTH of RFC 6962 §2.1); of no leaves, EMPTY_ROOT. Costs one hash a leaf.

    Raises BrokenEvidence where a leaf hash has not 32 bytes.
    """
    _all_hashes(leaves)
    row = list(leaves)
    while len(row) > 1:
        row = _parents(row) + (row[-1:] if len(row) % 2 else [])
    return row[0] if row else EMPTY_ROOT


def levels(size: int) -> list[int]:
    """The levels of the complete subtrees that a tree of this size is made of, largest first: the bits of the size."""
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]


def bag(peaks: Sequence[bytes]) -> bytes:
    """The hash over adjacent complete subtrees, largest first. Raises BrokenEvidence if there is none."""
    if not peaks:
        raise BrokenEvidence("there is no subtree to take a hash of")
    *rest, total = peaks
    for peak in reversed(rest):
        total = node_hash(peak, total)
    return total


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that a tree needs to grow: its size and the hashes of its complete subtrees, largest first (log2 of them).

    Raises BrokenEvidence when the hashes are not as many as the size has bits, or not of 32 bytes.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise BrokenEvidence("a tree of this size has not this many complete subtrees")
        _all_hashes(self.peaks)

    @classmethod
    def stored(cls, size: int, nodes: Nodes) -> "Frontier":
        """The frontier of a tree whose nodes are stored; reads log2(size) of them."""
        if size < 0:
            raise BrokenEvidence("a tree has no negative size")
        return cls(size, tuple(nodes(level, (size >> level) - 1) for level in levels(size)))

    def root(self) -> bytes:
        """The root at this size."""
        return bag(self.peaks) if self.peaks else EMPTY_ROOT

    def append(self, leaves: Sequence[bytes]) -> "Growth":
        """The tree with these leaf hashes behind its own, and every node that is new. One hash a leaf.

        Raises BrokenEvidence where a leaf hash has not 32 bytes.
        """
        _all_hashes(leaves)
        held = dict(zip(levels(self.size), self.peaks, strict=True))
        rows: list[list[bytes]] = []
        row = list(leaves)
        while row:
            level = len(rows)
            rows.append(row)
            line = [held.pop(level), *row] if level in held else row
            if len(line) % 2:
                held[level] = line[-1]
            row = _parents(line)
        size = self.size + len(leaves)
        return Growth(self.size, tuple(rows), Frontier(size, tuple(held[level] for level in levels(size))))


@dataclass(frozen=True, slots=True)
class Growth:
    """What an append did: `rows[level]` are the new nodes of that level, the first with index `before >> level`."""

    before: int
    rows: tuple[list[bytes], ...]
    after: Frontier


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """Every node over leaf hashes that are at hand, computed once and kept: for proofs without stored tiles."""
    rows = Frontier().append(leaves).rows

    def node(level: int, index: int) -> bytes:
        if not (0 <= level < len(rows) and 0 <= index < len(rows[level])):
            raise BrokenEvidence(f"the tree has no complete subtree {index} at level {level}")
        return rows[level][index]

    return node


def _parents(row: Sequence[bytes]) -> list[bytes]:
    """One hash a pair; a last one without a partner is left to the caller. The loop that all the time goes into."""
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]


def _all_hashes(given: Sequence[bytes]) -> None:
    """Hashes of other lengths could be cut anew so that another pair gives the same node."""
    if not set(map(len, given)) <= {HASH_BYTES}:
        raise BrokenEvidence("a hash has 32 bytes")
