"""That an entry is in a tree, and that a tree grew out of another: proofs made, and proofs verified. Pure.

Made by walking down the definitions of RFC 6962 §2.1.1 and §2.1.2, reading O(log n) stored nodes; verified by walking
up as RFC 9162 §2.1.3.2 and §2.1.4.2 do, from what the proof holds alone. Sizes and indices count leaves, from 0.
"""

from collections.abc import Sequence

from receiver.audit.merkle import EMPTY_ROOT, HASH_BYTES, Nodes, bag, levels, node_hash
from receiver.errors import BrokenEvidence


def inclusion(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1: the siblings from the leaf up to the root; none in a tree of one.

    Raises BrokenEvidence where the tree has no such leaf, or `nodes` does not hold what is needed.
    """
    if not 0 <= index < size:
        raise BrokenEvidence(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_over(middle, high, nodes))
            high = middle
        else:
            path.append(_over(low, middle, nodes))
            low = middle
    return path[::-1]


def consistency(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 §2.1.2; nothing needs showing from size 0, nor from a size to itself.

    Raises BrokenEvidence where old > new, or `nodes` does not hold what is needed.
    """
    if not 0 <= old <= new:
        raise BrokenEvidence(f"a tree of {new} leaves did not grow out of one of {old}")
    path: list[bytes] = []
    low, high = 0, new
    while old not in {0, high}:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_over(middle, high, nodes))
            high = middle
        else:
            path.append(_over(low, middle, nodes))
            low = middle
    if low:  # else this part is the old tree itself, whose root the verifier has
        path.append(_over(low, high, nodes))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """That the leaf hash stands at `index` of the tree with this size and root: RFC 9162 §2.1.3.2.

    Raises BrokenEvidence if the proof does not show it, whatever it holds.
    """
    if not 0 <= index < size:
        raise BrokenEvidence(f"a tree of {size} leaves has no leaf {index}")
    _all_hashes(leaf, root, *proof)
    place, last, total = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise BrokenEvidence("the inclusion proof is longer than the tree is high")
        if place & 1 or place == last:
            total = node_hash(sibling, total)
            place, last = _climb(place, last)
        else:
            total = node_hash(total, sibling)
        place, last = place >> 1, last >> 1
    if last or total != root:
        raise BrokenEvidence("the inclusion proof does not lead to the root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """That the tree of `new` leaves begins with that of `old` leaves, by their roots: RFC 9162 §2.1.4.2.

    Of size 0 the root must be EMPTY_ROOT. Raises BrokenEvidence if the proof does not show it, whatever it holds.
    """
    if not 0 <= old <= new:
        raise BrokenEvidence(f"a tree of {new} leaves did not grow out of one of {old}")
    _all_hashes(old_root, new_root, *proof)
    if old in {0, new}:
        _verify_trivial(old, new, old_root, new_root, proof)
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise BrokenEvidence("the consistency proof is empty")
    if _two_roots(old, new, path) != (old_root, new_root):
        raise BrokenEvidence("the consistency proof does not lead to both roots")


def _verify_trivial(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise BrokenEvidence("there is nothing to prove here, yet the consistency proof is not empty")
    if (old == 0 and old_root != EMPTY_ROOT) or (old == new and old_root != new_root):
        raise BrokenEvidence("trees of one size have two roots")


def _two_roots(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees, as the proof has them; its first hash is in both."""
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise BrokenEvidence("the consistency proof is longer than the tree is high")
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            place, last = _climb(place, last)
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise BrokenEvidence("the consistency proof ends below the root")
    return before, after


def _climb(place: int, last: int) -> tuple[int, int]:
    """Past the levels at which a node on the right edge has no sibling and is its own parent."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _split(width: int) -> int:
    """The largest power of two below `width`: where RFC 6962 §2.1 divides a tree."""
    return 1 << ((width - 1).bit_length() - 1)


def _over(low: int, high: int, nodes: Nodes) -> bytes:
    """MTH(D[low:high]); `low` is a multiple of a power of two not less than the width, as every split leaves it."""
    peaks = []
    for level in levels(high - low):
        peaks.append(nodes(level, low >> level))
        low += 1 << level
    return bag(peaks)


def _all_hashes(*given: bytes) -> None:
    """Hashes of other lengths could be cut anew so that another pair gives the same node."""
    if any(len(each) != HASH_BYTES for each in given):
        raise BrokenEvidence("a hash has 32 bytes")
