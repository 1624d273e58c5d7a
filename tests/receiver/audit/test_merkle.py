import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import merkle
from receiver.audit.merkle import Frontier
from receiver.errors import BrokenEvidence
from tests.receiver.audit import rfc6962
from tests.receiver.audit.rfc6962 import MANY, mth


def test_leaf_and_node_vectors() -> None:
    """Leaves, pairs and fours hash to the published values, each with its prefix."""
    leaves = [merkle.leaf_hash(entry) for entry in rfc6962.ENTRIES]
    pairs = [merkle.node_hash(*leaves[at : at + 2]) for at in range(0, 8, 2)]

    assert tuple(leaf.hex() for leaf in leaves) == rfc6962.LEAF_HASHES
    assert merkle.leaf_hashes(rfc6962.ENTRIES) == leaves
    assert tuple(pair.hex() for pair in pairs) == rfc6962.PAIRS
    assert tuple(merkle.node_hash(*pairs[at : at + 2]).hex() for at in (0, 2)) == rfc6962.FOURS


@pytest.mark.parametrize("size", range(9))
def test_root_vectors(size: int) -> None:
    """The root is the published one at every size, at once and leaf by leaf."""
    leaves = merkle.leaf_hashes(rfc6962.ENTRIES[:size])
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append([leaf]).after

    assert merkle.root(leaves).hex() == rfc6962.ROOTS[size]
    assert frontier.root().hex() == rfc6962.ROOTS[size]


def test_roots_of_every_size() -> None:
    """At every size to 300 the root, and that of a growing tree, are what RFC 6962's recursion gives."""
    frontier = Frontier()
    for size in range(1, 301):
        frontier = frontier.append(MANY[size - 1 : size]).after
        assert merkle.root(MANY[:size]) == frontier.root() == mth(MANY[:size]), size


@given(st.lists(st.integers(0, 90), max_size=8))
def test_it_cannot_matter_how_leaves_arrive(batches: list[int]) -> None:
    """Any cutting into batches, empty ones too, ends in the same frontier, and each names exactly its new nodes."""
    frontier, size = Frontier(), sum(batches)
    nodes = merkle.nodes_of(MANY[:size])
    for batch in batches:
        growth = frontier.append(MANY[frontier.size : frontier.size + batch])
        for level, row in enumerate(growth.rows):
            first, last = growth.before >> level, growth.after.size >> level
            assert row == [nodes(level, index) for index in range(first, last)]
        frontier = growth.after

    assert frontier == Frontier().append(MANY[:size]).after
    assert len(frontier.peaks) == size.bit_count()


def test_a_frontier_comes_back_from_stored_nodes() -> None:
    """At every size the frontier is read back from log2(size) nodes, and grows on as if it had never left."""
    nodes = merkle.nodes_of(MANY[:130])
    for size in range(131):
        frontier = Frontier.stored(size, nodes)
        assert frontier.root() == mth(MANY[:size])
        assert frontier.append(MANY[size:130]).after.root() == mth(MANY[:130])


def test_every_node_is_the_root_of_its_leaves() -> None:
    """Node (level, index) is the tree over its own 2**level leaves."""
    nodes = merkle.nodes_of(MANY[:67])
    for level in range(7):
        for index in range(67 >> level):
            assert nodes(level, index) == mth(MANY[index << level : (index + 1) << level])


@pytest.mark.parametrize(("level", "index"), [(0, 3), (1, 1), (2, 0), (-1, 0), (0, -1), (9, 0)])
def test_no_node_that_is_not_there(level: int, index: int) -> None:
    """A subtree that is not complete, or not in the tree, is BrokenEvidence and no IndexError."""
    with pytest.raises(BrokenEvidence):
        merkle.nodes_of(MANY[:3])(level, index)


@pytest.mark.parametrize(
    ("size", "peaks"), [(-1, ()), (0, (MANY[0],)), (1, ()), (2, MANY[:2]), (3, MANY[:1]), (1, (b"short",))]
)
def test_a_frontier_fits_its_size(size: int, peaks: tuple[bytes, ...]) -> None:
    """A stored frontier with a hash too many, too few, or of another length is refused."""
    with pytest.raises(BrokenEvidence):
        Frontier(size, peaks)


def test_no_frontier_of_less_than_nothing() -> None:
    """A negative size is refused before anything is read."""
    with pytest.raises(BrokenEvidence):
        Frontier.stored(-1, merkle.nodes_of(()))


@pytest.mark.parametrize("wrong", [b"", b"x" * 31, b"x" * 33])
def test_hashes_have_32_bytes(wrong: bytes) -> None:
    """Other lengths could be cut anew so that another pair gives the same node; they are refused everywhere."""
    with pytest.raises(BrokenEvidence):
        merkle.root([MANY[0], wrong])
    with pytest.raises(BrokenEvidence):
        Frontier().append([MANY[0], wrong])


def test_nothing_has_no_hash() -> None:
    """Bagging no subtree is refused: only a whole tree may be empty."""
    with pytest.raises(BrokenEvidence):
        merkle.bag(())
