from collections.abc import Callable
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import merkle, proofs, tiles
from receiver.audit.merkle import Frontier
from receiver.audit.tiles import Span
from receiver.errors import BrokenEvidence
from tests.receiver.audit.rfc6962 import MANY

LARGE = merkle.leaf_hashes(str(n).encode() for n in range(66_000))
"""Just over 256 full tiles, so that there are three levels."""


def stored(*sizes: int) -> dict[tuple[int, int], bytes]:
    """The tiles of a tree that grew to each of these sizes in turn, as a careful store would have them."""
    kept: dict[tuple[int, int], bytes] = {}
    frontier = Frontier()
    for size in sizes:
        growth = frontier.append(LARGE[frontier.size : size])
        for span in tiles.spans(growth.before, size):
            before = kept.get((span.level, span.index), b"")
            assert len(before) == span.start * 32
            kept[span.level, span.index] = before + tiles.content(span, growth)
        frontier = growth.after
    return kept


def getter(kept: dict[tuple[int, int], bytes]) -> Callable[[int, int], bytes]:
    return lambda level, index: kept[level, index]


def test_the_specifications_example() -> None:
    """A tree of 70,000: 273 full tiles and one of 112; one full and one of 17 above; one of 1 on top."""
    found = list(tiles.spans(0, 70_000))

    assert [span for span in found if span.level == 0] == [
        *(Span(0, index, 0, 256) for index in range(273)),
        Span(0, 273, 0, 112),
    ]
    assert [span for span in found if span.level > 0] == [Span(1, 0, 0, 256), Span(1, 1, 0, 17), Span(2, 0, 0, 1)]


def test_a_full_tile_begins_the_one_above() -> None:
    """A tree of 256 is a full tile and a partial one of width 1 above it; one leaf less has nothing above."""
    assert list(tiles.spans(0, 256)) == [Span(0, 0, 0, 256), Span(1, 0, 0, 1)]
    assert list(tiles.spans(0, 255)) == [Span(0, 0, 0, 255)]
    assert list(tiles.spans(255, 257)) == [Span(0, 0, 255, 256), Span(0, 1, 0, 1), Span(1, 0, 0, 1)]
    assert list(tiles.spans(0, 0)) == list(tiles.spans(300, 300)) == []


@given(st.integers(0, 1 << 40), st.lists(st.integers(0, 3000), max_size=6))
def test_appends_fill_every_tile_without_gap_or_overlap(start: int, steps: list[int]) -> None:
    """However a tree grew, each of its tiles got its entries once, in order, up to the width that the size gives."""
    ends = list(accumulate(steps, initial=start))
    filled: dict[tuple[int, int], int] = {}
    for before, after in pairwise(ends):
        added = sum(span.stop - span.start for span in tiles.spans(before, after))
        assert added == sum((after >> bits) - (before >> bits) for bits in range(0, 64, 8))
        for span in tiles.spans(before, after):
            held = filled.get((span.level, span.index), tiles.width(span.level, span.index, ends[0]))
            assert held == span.start < span.stop <= 256
            filled[span.level, span.index] = span.stop
    for (level, index), held in filled.items():
        assert held == tiles.width(level, index, ends[-1])


def test_tiles_hold_what_the_specification_says() -> None:
    """Entry i of tile (l, n) is the root over D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]."""
    kept = stored(66_000)

    assert {at: len(data) // 32 for at, data in kept.items() if at[0]} == {(1, 0): 256, (1, 1): 1, (2, 0): 1}
    for level, index, entry in ((0, 257, 5), (1, 0, 0), (1, 0, 255), (1, 1, 0), (2, 0, 0)):
        first = (index * 256 + entry) * 256**level
        hashed = merkle.root(LARGE[first : first + 256**level])
        assert kept[level, index][entry * 32 : entry * 32 + 32] == hashed


def test_it_cannot_matter_how_a_tree_grew() -> None:
    """One append or many, on and off the borders of tiles: the same bytes in the same tiles."""
    assert stored(1, 2, 255, 256, 257, 511, 600, 600, 65_535, 65_536, 65_537, 66_000) == stored(66_000)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 513, 700])
def test_every_node_is_read_from_tiles(size: int) -> None:
    """The reader finds each node of the tree, also where the tiles have grown since."""
    expected = merkle.nodes_of(LARGE[:size])
    for kept in (stored(size), stored(size, 700)):
        node = tiles.reader(getter(kept), size)
        for level in range(size.bit_length()):
            for index in range(size >> level):
                assert node(level, index) == expected(level, index)


@pytest.mark.parametrize("size", [65_535, 65_536, 66_000])
def test_proofs_from_tiles(size: int) -> None:
    """Proofs and frontier made from stored tiles are those of the whole tree, and read few tiles."""
    kept, read = stored(size), []

    def tile(level: int, index: int) -> bytes:
        read.append((level, index))
        return kept[level, index]

    node, root = tiles.reader(tile, size), merkle.root(LARGE[:size])
    for index in (0, 255, 256, 40_000, size - 1):
        read.clear()
        proofs.verify_inclusion(LARGE[index], index, size, proofs.inclusion(index, size, node), root)
        assert len(read) <= 5
    for old in (1, 256, 300, 65_000, size):
        path = proofs.consistency(old, size, node)
        proofs.verify_consistency(old, size, merkle.root(LARGE[:old]), root, path)
    assert Frontier.stored(size, node).root() == root


@pytest.mark.parametrize(("level", "index"), [(0, 300), (1, 150), (8, 1), (9, 0), (-1, 0), (0, -1), (8, -1)])
def test_no_node_outside_the_tree(level: int, index: int) -> None:
    """A node beyond the size is refused, even where a later tree's tile holds it."""
    with pytest.raises(BrokenEvidence):
        tiles.reader(getter(stored(700)), 300)(level, index)


@pytest.mark.parametrize("wrong", [slice(0, -1), slice(0, -32), slice(0, 0)])
def test_a_truncated_tile_is_refused(wrong: slice) -> None:
    """A tile that lost its end is BrokenEvidence for every node in it, not only for the lost ones."""
    kept = stored(300)
    kept[0, 1] = kept[0, 1][wrong]

    with pytest.raises(BrokenEvidence):
        tiles.reader(getter(kept), 300)(0, 256)
    kept[0, 0] += kept[0, 0][:32]
    with pytest.raises(BrokenEvidence):
        tiles.reader(getter(kept), 300)(0, 0)


def test_an_altered_tile_shows() -> None:
    """A byte changed in a stored tile makes proofs over it that do not lead to the root."""
    kept = stored(300)
    kept[0, 0] = kept[0, 0][:100] + bytes([kept[0, 0][100] ^ 1]) + kept[0, 0][101:]

    path = proofs.inclusion(7, 300, tiles.reader(getter(kept), 300))
    with pytest.raises(BrokenEvidence):
        proofs.verify_inclusion(LARGE[7], 7, 300, path, merkle.root(LARGE[:300]))


@pytest.mark.parametrize("span", [Span(0, 0, 0, 5), Span(0, 0, 9, 14), Span(0, 0, 4, 5), Span(1, 0, 0, 1)])
def test_content_is_of_its_own_append(span: Span) -> None:
    """Entries that an append did not add are refused rather than cut short or taken from elsewhere."""
    growth = Frontier().append(MANY[:5]).after.append(MANY[5:13])
    assert tiles.content(Span(0, 0, 5, 13), growth) == b"".join(MANY[5:13])

    with pytest.raises(BrokenEvidence):
        tiles.content(span, growth)


def test_paths() -> None:
    """Paths are in C2SP's layout: the specification's 1234067, small ones, and partial ones."""
    assert tiles.path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tiles.path(1, 0) == "tile/1/000"
    assert tiles.path(0, 273, 112) == "tile/0/273.p/112"
    assert tiles.path(63, 1000, 1) == "tile/63/x001/000.p/1"


@pytest.mark.parametrize(("level", "index", "hashes"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_no_path_of_what_cannot_be(level: int, index: int, hashes: int) -> None:
    """No tile is empty, wider than 256, or above level 63."""
    with pytest.raises(BrokenEvidence):
        tiles.path(level, index, hashes)
