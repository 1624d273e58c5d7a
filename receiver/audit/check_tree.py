"""Leaves, tiles and checkpoints against each other: the tree is recomputed, and every signed root must be its root."""

import base64
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from receiver.audit import checkpoint, note, signing, tiles
from receiver.audit.findings import Report
from receiver.audit.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, Growth, leaf_hash
from receiver.audit.notekey import NoteKey
from receiver.errors import BrokenEvidence
from receiver.ledger.evidence import moment
from receiver.ledger.trail import SignerKey
from receiver.ledger.trail_reading import CheckpointRow, LeafRow, TileRow

Wrong = tuple[str, bytes, bytes, str]
"""A place, the hash that is stored for it, the one that the entries make, and a sentence."""
AT_ONCE = 1024
"""Leaves hashed in one go."""


@dataclass(slots=True)
class Tree:
    """The tree as the leaves make it: roots at the sizes that were asked for, and the hashes of every tile."""

    wanted: frozenset[int]
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY_ROOT})
    grown: dict[tuple[int, int], bytearray] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)

    def add(self, hashes: Sequence[bytes]) -> None:
        """Append, stopping at each size whose root is wanted."""
        stops = sorted(size for size in self.wanted if 0 < size - self.frontier.size <= len(hashes))
        for stop in [*stops, self.frontier.size + len(hashes)]:
            part, hashes = hashes[: stop - self.frontier.size], hashes[stop - self.frontier.size :]
            if part:
                self._append(part)
            if stop in self.wanted:
                self.roots[stop] = self.frontier.root()

    def root(self, size: int) -> bytes | None:
        """The root at any size, also one that was not asked for; None beyond the leaves."""
        if size in self.roots or not 0 <= size <= self.frontier.size:
            return self.roots.get(size)
        nodes = tiles.reader(lambda level, n: bytes(self.grown.get((level, n), b"")), self.frontier.size)
        return Frontier.stored(size, nodes).root()

    def _append(self, hashes: Sequence[bytes]) -> None:
        growth: Growth = self.frontier.append(hashes)
        for span in tiles.spans(growth.before, growth.after.size):
            self.grown.setdefault((span.level, span.index), bytearray()).extend(tiles.content(span, growth))
        self.frontier = growth.after


def leaves(rows: Iterable[LeafRow], tree: Tree, report: Report) -> Iterator[LeafRow]:
    """Pass on every leaf whose bytes have its hash; name the others, and each that is not in its place."""
    expected, hashes = 0, list[bytes]()
    for row in rows:
        if row.n != expected:
            missing = f"{expected}" if row.n == expected + 1 else f"{expected} to {row.n - 1}"
            report.found("removed", f"trail {missing}", "the entries before this one are not there")
        expected = row.n + 1
        actual = leaf_hash(row.entry)
        if actual != row.hash:
            report.found("changed", f"trail {row.n}", f"the entry of {row.kind} {row.ref} has not its hash")
        else:
            yield row
        hashes.append(row.hash if len(row.hash) == len(actual) else actual)
        if len(hashes) == AT_ONCE:
            tree.add(hashes)
            hashes = []
        report.looked("entries")
    tree.add(hashes)


def stored_tiles(rows: Iterable[TileRow], tree: Tree, report: Report) -> None:
    """Every stored tile is what the leaves make it; so a leaf that was made anew with its hash is named, too."""
    left, wrong = dict(tree.grown), list[Wrong]()
    for row in rows:
        made = left.pop((row.level, row.n), None)
        where = f"tile {row.level}/{row.n}"
        if made is None:
            report.found("inserted", where, "the tree has no such tile")
        elif row.hashes != made:
            wrong += _different(row, bytes(made), where, report)
        report.looked("tiles")
    _misplaced(wrong, report)
    for level, n in left:
        report.found("removed", f"tile {level}/{n}", "the tree has this tile, the database has not")


def _different(row: TileRow, made: bytes, where: str, report: Report) -> Iterator[Wrong]:
    """The hashes in which a stored tile is not the one that the leaves make."""
    if len(row.hashes) != len(made):
        how = "truncated" if len(row.hashes) < len(made) else "changed"
        report.found(how, where, f"it has {len(row.hashes)} bytes, the tree makes {len(made)}")
    for at in range(0, min(len(row.hashes), len(made)), HASH_BYTES):
        stored, there = row.hashes[at : at + HASH_BYTES], made[at : at + HASH_BYTES]
        if stored != there:
            place = f"trail {row.n * tiles.WIDTH + at // HASH_BYTES}" if row.level == 0 else where
            yield place, stored, there, f"hash {at // HASH_BYTES} of {where} is not what the trail's entries make"


def _misplaced(wrong: Sequence[Wrong], report: Report) -> None:
    """Entries that stand in each other's place are told apart from such as are new."""
    elsewhere = {stored: place for place, stored, _, _ in wrong}
    for place, _, there, detail in wrong:
        was = elsewhere.get(there, place)
        if was != place and was.startswith("trail"):
            report.found("reordered", place, f"what stands here was sealed as {was}")
        else:
            report.found("changed", place, detail)


def keys(rows: Sequence[tuple[int, SignerKey]], own: Collection[NoteKey], report: Report) -> list[NoteKey]:
    """The keys of the trail, each of which follows on the one before it, and the last of which is one of our `own`.

    The last one's word, which is ours, is also that the one before was ours.
    """
    trusted: list[NoteKey] = []
    for expected, (number, key) in enumerate(rows, 1):
        if number != expected:
            report.found("removed", f"signer {expected}", f"signer {number} stands in its place")
        try:
            trusted.append(signing.follow(trusted, key, first=expected == 1))
        except BrokenEvidence as error:
            report.found("forged", f"signer {number}", str(error))
    if trusted and trusted[-1] not in own:
        report.found("forged", f"signer {len(rows)}", "it follows from no part of PROOFHOOK_SECRET: it is not ours")
    return trusted


def checkpoints(rows: Sequence[CheckpointRow], tree: Tree, trusted: Sequence[NoteKey], report: Report) -> int:
    """Each is signed, follows on the one before, and names the root that the leaves make at its size.

    Returns how many entries stand under the last good one.
    """
    before, number, size, good = "none", 0, 0, 0
    for row in rows:
        where = f"checkpoint {row.n}"
        report.looked("checkpoints")
        if row.n != number + 1:
            report.found("removed", f"checkpoint {number + 1}", f"{where} comes right after {number}")
        number = row.n
        try:
            found = read(row.note, trusted)
        except BrokenEvidence as error:
            report.found("forged", where, str(error))
            before = named(row.note)
            continue
        _follows(row, found, before, size, where, report)
        if found.size > tree.frontier.size:
            gone = f"it names {found.size} entries, there are {tree.frontier.size}"
            report.found("removed", f"trail {tree.frontier.size} to {found.size - 1}", f"{where}: {gone}")
        elif tree.roots.get(found.size) != found.root:
            some = f"trail {good} to {found.size - 1}" if good < found.size else "the trail"
            detail = f"the first {found.size} entries do not make the root that it names: {some} was changed"
            report.found("changed", where, detail)
        else:
            good = found.size
        before, size = named(row.note), found.size
    return good


def _follows(
    row: CheckpointRow, found: checkpoint.Checkpoint, before: str, size: int, where: str, report: Report
) -> None:
    said = dict(line.partition(" ")[::2] for line in found.extensions)
    if said.get("previous") != before:
        report.found("reordered", where, "it does not follow on the checkpoint before it")
    if found.size < size:
        report.found("rolled back", where, f"it names {found.size} entries, the one before it {size}")
    if row.size != found.size:
        report.found("changed", where, f"its row says {row.size} entries, its note {found.size}")
    if moment(row.made_at) != said.get("time", ""):
        report.found("changed", where, f"its row says {row.made_at}, its note {said.get('time')}")


def read(data: bytes, trusted: Sequence[NoteKey]) -> checkpoint.Checkpoint:
    """A checkpoint that one of our keys signed. Raises BrokenEvidence."""
    found = checkpoint.parse(note.verify(data, trusted))
    if trusted and found.origin != trusted[0].name:
        raise BrokenEvidence(f"it is of the trail {found.origin}, this one is {trusted[0].name}")
    return found


def named(data: bytes) -> str:
    """What the next checkpoint calls this one: base64 of its note's SHA-256."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
