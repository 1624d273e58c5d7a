from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import merkle, proofs
from receiver.audit.merkle import EMPTY_ROOT, leaf_hashes, nodes_of
from receiver.errors import BrokenEvidence
from tests.receiver.audit import rfc6962
from tests.receiver.audit.rfc6962 import MANY, mth

NODES = nodes_of(MANY)
CROOKED = b"\x5a" * 32


def altered(proof: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Each byte changed, each hash dropped, doubled, cut or swapped with the next, and one too many at each end."""
    for at, hashed in enumerate(proof):
        for byte in range(32):
            yield [*proof[:at], hashed[:byte] + bytes([hashed[byte] ^ 1]) + hashed[byte + 1 :], *proof[at + 1 :]]
        yield [*proof[:at], *proof[at + 1 :]]
        yield [*proof[:at], hashed, *proof[at:]]
        yield [*proof[:at], hashed[:31], *proof[at + 1 :]]
        if at and hashed != proof[at - 1]:
            yield [*proof[: at - 1], hashed, proof[at - 1], *proof[at + 1 :]]
            yield [*proof[: at - 1], proof[at - 1] + hashed[:1], hashed[1:], *proof[at + 1 :]]
    yield [*proof, CROOKED]
    yield [CROOKED, *proof]


@pytest.mark.parametrize(("index", "size"), rfc6962.INCLUSION)
def test_inclusion_vectors(index: int, size: int) -> None:
    """The published inclusion proofs are made, and verified."""
    leaves = leaf_hashes(rfc6962.ENTRIES)
    path = proofs.inclusion(index, size, nodes_of(leaves))

    assert tuple(each.hex() for each in path) == rfc6962.INCLUSION[index, size]
    proofs.verify_inclusion(leaves[index], index, size, path, bytes.fromhex(rfc6962.ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), rfc6962.CONSISTENCY)
def test_consistency_vectors(old: int, new: int) -> None:
    """The published consistency proofs are made, and verified."""
    path = proofs.consistency(old, new, nodes_of(leaf_hashes(rfc6962.ENTRIES)))

    assert tuple(each.hex() for each in path) == rfc6962.CONSISTENCY[old, new]
    roots = [bytes.fromhex(rfc6962.ROOTS[size]) for size in (old, new)]
    proofs.verify_consistency(old, new, roots[0], roots[1], path)


def test_inclusion_of_every_leaf_in_every_size() -> None:
    """Sizes 1 to 300, every index: the proof is that of RFC 6962's recursion, and leads to the root."""
    for size in range(1, 301):
        leaves = MANY[:size]
        root = mth(leaves)
        for index in range(size):
            path = proofs.inclusion(index, size, NODES)
            assert path == rfc6962.path(index, leaves), (index, size)
            proofs.verify_inclusion(leaves[index], index, size, path, root)


@pytest.mark.parametrize("new", [*range(1, 65), 100, 127, 128, 129, 200, 255, 256, 257, 300, 511, 513, 700])
def test_consistency_of_sizes(new: int) -> None:
    """From every size to each of these: the proof is that of RFC 6962's recursion, and leads to both roots."""
    for old in range(1, new + 1):
        path = proofs.consistency(old, new, NODES)
        assert path == rfc6962.proof(old, MANY[:new]), (old, new)
        proofs.verify_consistency(old, new, mth(MANY[:old]), mth(MANY[:new]), path)


@given(st.integers(1, 700), st.data())
def test_any_proof_verifies(size: int, data: st.DataObject) -> None:
    """Anywhere to 700 leaves, what is made is verified; and costs no more nodes than twice the tree's height."""
    index = data.draw(st.integers(0, size - 1))
    read: list[tuple[int, int]] = []

    def node(level: int, number: int) -> bytes:
        read.append((level, number))
        return NODES(level, number)

    proofs.verify_inclusion(MANY[index], index, size, proofs.inclusion(index, size, node), mth(MANY[:size]))
    assert len(read) <= 2 * size.bit_length()
    read.clear()
    path = proofs.consistency(index + 1, size, node)
    proofs.verify_consistency(index + 1, size, mth(MANY[: index + 1]), mth(MANY[:size]), path)
    assert len(read) <= 2 * size.bit_length()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 16])
def test_an_altered_inclusion_proof_is_refused(size: int) -> None:
    """One bit, one hash more or less, two swapped: nothing but the proof itself leads to the root."""
    root = mth(MANY[:size])
    for index in range(size):
        for path in altered(proofs.inclusion(index, size, NODES)):
            with pytest.raises(BrokenEvidence):
                proofs.verify_inclusion(MANY[index], index, size, path, root)


@pytest.mark.parametrize("size", [2, 3, 7, 8, 11])
def test_inclusion_is_of_this_leaf_here(size: int) -> None:
    """A proof holds for no other leaf, place or root than its own."""
    root = mth(MANY[:size])
    for index in range(size):
        path = proofs.inclusion(index, size, NODES)
        others = [n for n in range(-1, size + 2) if n != index]
        for leaf, at, of, to in (
            (CROOKED, index, size, root),
            (MANY[index], index, size, CROOKED),
            *((MANY[index], other, size, root) for other in others),
            (MANY[index][:31], index, size, root),
            (MANY[index], index, 0, root),
        ):
            with pytest.raises(BrokenEvidence):
                proofs.verify_inclusion(leaf, at, of, path, to)


@pytest.mark.parametrize("new", [2, 3, 7, 8, 11, 16])
def test_an_altered_consistency_proof_is_refused(new: int) -> None:
    """One bit, one hash more or less, two swapped, another root: nothing but the proof itself leads to both roots."""
    for old in range(1, new):
        roots = (mth(MANY[:old]), mth(MANY[:new]))
        path = proofs.consistency(old, new, NODES)
        for wrong in altered(path):
            with pytest.raises(BrokenEvidence):
                proofs.verify_consistency(old, new, *roots, wrong)
        for wrong_roots in ((CROOKED, roots[1]), (roots[0], CROOKED), roots[::-1]):
            with pytest.raises(BrokenEvidence):
                proofs.verify_consistency(old, new, *wrong_roots, path)


def test_a_rewritten_tree_is_not_consistent() -> None:
    """A tree in which an old leaf was changed has no proof that it grew out of the old one."""
    rewritten = (*MANY[:3], CROOKED, *MANY[4:20])
    path = proofs.consistency(11, 20, nodes_of(rewritten))

    with pytest.raises(BrokenEvidence):
        proofs.verify_consistency(11, 20, mth(MANY[:11]), mth(rewritten), path)


def test_trivial_consistency() -> None:
    """From nothing, and from a size to itself, the proof is empty; the roots must still be right."""
    root = mth(MANY[:5])
    assert proofs.consistency(0, 5, NODES) == proofs.consistency(5, 5, NODES) == proofs.consistency(0, 0, NODES) == []
    proofs.verify_consistency(0, 5, EMPTY_ROOT, root, [])
    proofs.verify_consistency(5, 5, root, root, [])
    proofs.verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    for old, new, before, after, path in (
        (0, 5, root, root, []),
        (0, 5, EMPTY_ROOT, root, [CROOKED]),
        (5, 5, root, CROOKED, []),
        (5, 5, root, root, [CROOKED]),
        (0, 0, root, root, []),
        (3, 5, root, root, []),
    ):
        with pytest.raises(BrokenEvidence):
            proofs.verify_consistency(old, new, before, after, path)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (701, 702)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    """A leaf outside the tree, or nodes that are not held, are BrokenEvidence and no IndexError."""
    with pytest.raises(BrokenEvidence):
        proofs.inclusion(index, size, NODES)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (5, 701)])
def test_no_tree_shrinks(old: int, new: int) -> None:
    """A smaller tree did not grow out of a larger one, neither in making a proof nor in verifying one."""
    with pytest.raises(BrokenEvidence):
        proofs.consistency(old, new, NODES)
    with pytest.raises(BrokenEvidence):
        proofs.verify_consistency(old, new, CROOKED, CROOKED, [])


@given(st.integers(-2, 20), st.integers(-2, 20), st.lists(st.binary(min_size=30, max_size=34), max_size=8))
def test_junk_proves_nothing(one: int, two: int, path: list[bytes]) -> None:
    """Whatever a proof holds, the answer is BrokenEvidence and nothing else."""
    with pytest.raises(BrokenEvidence):
        proofs.verify_inclusion(CROOKED, one, two, path, merkle.node_hash(CROOKED, b"elsewhere"))
    with pytest.raises(BrokenEvidence):
        proofs.verify_consistency(one, two, CROOKED, merkle.node_hash(CROOKED, b"elsewhere"), path)
