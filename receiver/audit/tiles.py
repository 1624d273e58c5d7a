"""Which stored tiles hold which nodes: the arithmetic of C2SP tlog-tiles, with tiles 256 hashes wide. Pure.

Entry i of tile (level, index) is the hash of the complete subtree of 256**level leaves with number index * 256 + i: the
node (8 * level, index * 256 + i). A tile is *partial* until it is full, only grows at its end, and is never hashed into
the level above before it is full. The nodes between are not stored: at most 255 hashes make any of them again.
Source: https://c2sp.org/tlog-tiles
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from receiver.audit import merkle
from receiver.audit.merkle import HASH_BYTES, Growth, Nodes
from receiver.errors import BrokenEvidence

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes in a full tile: 8,192 bytes."""
HIGHEST = 63
"""The highest level that a tile's path may name."""
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Span:
    """The entries [start, stop) of one tile."""

    level: int
    index: int
    start: int
    stop: int


def width(level: int, index: int, size: int) -> int:
    """How many hashes tile (level, index) has in a tree of `size` leaves: 0 to 256."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def spans(before: int, after: int) -> Iterator[Span]:
    """What a tree that grows from `before` to `after` leaves adds to its tiles, lowest level and index first.

    A span with start 0 is a new tile; any other is appended to a partial one. `spans(0, size)` are all tiles of a tree.
    """
    level = 0
    while (last := after >> (HEIGHT * level)) > (first := before >> (HEIGHT * level)):
        while first < last:
            index, start = divmod(first, WIDTH)
            stop = min(WIDTH, last - index * WIDTH)
            yield Span(level, index, start, stop)
            first = index * WIDTH + stop
        level += 1


def content(span: Span, growth: Growth) -> bytes:
    """The bytes that an append adds for one of its spans, to be written at byte `span.start * 32` of the tile.

    Raises BrokenEvidence where the span is not of this append.
    """
    level = HEIGHT * span.level
    row = growth.rows[level] if level < len(growth.rows) else []
    first = span.index * WIDTH + span.start - (growth.before >> level)
    hashes = row[first : first + span.stop - span.start] if first >= 0 else []
    if len(hashes) != span.stop - span.start:
        raise BrokenEvidence("this append adds no such entries")
    return b"".join(hashes)


def path(level: int, index: int, hashes: int = WIDTH) -> str:
    """The tile's path in C2SP's layout, as `tile/0/x001/x234/067`, with `.p/<hashes>` where it is partial.

    Raises BrokenEvidence where no tile can have that level, index or width.
    """
    if not (0 <= level <= HIGHEST and index >= 0 and 1 <= hashes <= WIDTH):
        raise BrokenEvidence("there is no such tile")
    thousands = f"{index:,}".split(",")
    number = "/".join([*(f"x{each:0>3}" for each in thousands[:-1]), f"{thousands[-1]:0>3}"])
    return f"tile/{level}/{number}" + (f".p/{hashes}" if hashes < WIDTH else "")


def reader(tile: Callable[[int, int], bytes], size: int) -> Nodes:
    """Every node of a tree of `size` leaves, read from its tiles; the last 64 tiles read are kept in memory.

    `tile(level, index)` gives a tile's bytes, which may be of a later and larger tree: the hashes that this tree has
    stand at its beginning. The reader raises BrokenEvidence for a node that the tree has not, and for a tile that is
    too short, too long, or cut within a hash.
    """
    kept = lru_cache(maxsize=_KEPT)(tile)

    def node(level: int, index: int) -> bytes:
        if level < 0 or not 0 <= index < size >> level:
            raise BrokenEvidence(f"a tree of {size} leaves has no complete subtree {index} at level {level}")
        row, below = divmod(level, HEIGHT)
        number, start = divmod(index << below, WIDTH)
        data = kept(row, number)
        if len(data) % HASH_BYTES or not width(row, number, size) <= len(data) // HASH_BYTES <= WIDTH:
            raise BrokenEvidence(f"tile {number} of level {row} has not the length of a tile of this tree")
        ends = range(start * HASH_BYTES, (start + (1 << below)) * HASH_BYTES, HASH_BYTES)
        return merkle.root([data[at : at + HASH_BYTES] for at in ends])

    return node
