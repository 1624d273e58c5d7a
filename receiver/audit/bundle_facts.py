"""Jobs → the sealed entries about them, each with its proof and what it hides, as far as that may be shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.audit import checkpoint, commitments, entries, note, proofs, signing, tiles
from receiver.audit.checkpoint import Checkpoint
from receiver.audit.merkle import Nodes, leaf_hash
from receiver.errors import BrokenEvidence, TryLater
from receiver.ledger.bundle_reading import Body, BundleReading
from receiver.ledger.evidence import Values
from receiver.ledger.trail import SignerKey
from receiver.ledger.trail_reading import LeafRow

REDACTED, NOT_HELD = "redacted", "not held any more"


@dataclass(frozen=True, slots=True)
class Opened:
    """A hidden field as the bundle shows it; `value` is as commitments.commit takes it, its first byte the type."""

    salt: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: its exact bytes, its place, the way to the root, what it hides. `latest` of its row, or history.

    `left_out` has a reason for each field that is not shown, `closed` the values that we hold all the same: they stay.
    """

    n: int
    kind: str
    ref: str
    entry: bytes
    sealed: dict[str, Any]
    hashes: tuple[bytes, ...]
    opened: dict[str, Opened]
    left_out: dict[str, str]
    closed: dict[str, bytes]
    latest: bool

    @property
    def plain(self) -> dict[str, Any]:
        return dict(self.sealed.get("plain", {}))

    def text(self, name: str) -> str | None:
        """A field that is shown, as text; None where it is left out, or was nothing."""
        found = self.opened.get(name)
        return None if found is None or found.value[:1] == b"-" else found.value[1:].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a bundle is made of, but for bytes in storage. `size`, `note` and `stamp` are of the one checkpoint."""

    jobs: tuple[str, ...]
    items: tuple[Item, ...]
    bodies: Mapping[str, Body]
    size: int
    note: bytes
    stamp: bytes | None
    signers: tuple[SignerKey, ...]
    gone: frozenset[str]

    def of(self, kind: str, job_id: str | None = None) -> list[Item]:
        """The latest entries of a kind, of one job or of all."""
        return [each for each in self.items if each.latest and each.kind == kind and job_id in {None, job_of(each)}]


def job_of(item: Item) -> str | None:
    """The job that an entry is about; None for a key."""
    if item.kind == "delivery":
        return item.plain.get("job_id")
    return None if item.kind == "key" else item.ref.split("/", 1)[0]


def gather(reading: BundleReading, jobs: Sequence[str], gone: frozenset[str]) -> Facts:
    """Raises TryLater where something about a job is not sealed yet, BrokenEvidence where the trail cannot be read."""
    leaves = sorted({leaf.n: leaf for leaf in _leaves(reading, jobs)}.values())
    named = {(leaf.kind, leaf.ref) for leaf in leaves}
    unsealed = [job for job in jobs if ("order", job) not in named]
    unsealed += [ref for kind, ref in reading.waiting() if ref.split("/", 1)[0] in jobs or (kind, ref) in named]
    mark, stamp = _covering(reading, leaves[-1].n + 1) if leaves else (None, None)
    if unsealed or mark is None:
        what = unsealed[0] if unsealed else jobs[0]
        raise TryLater(f"{what} is not sealed yet: `proofhook serve` does so every few seconds, while it runs")
    signers = reading.signers()
    tree = checkpoint.parse(note.verify(mark, signing.chain(signers)))
    nodes = tiles.reader(reading.tile, tree.size)
    last = {(leaf.kind, leaf.ref): leaf.n for leaf in leaves}
    values = {kind: reading.values(kind, [r for k, r in last if k == kind]) for kind in {kind for kind, _ in last}}
    items = []
    for leaf in leaves:
        row = values[leaf.kind].get(leaf.ref)
        hashes = _proved(leaf, tree, nodes)
        items.append(_item(leaf, row, hashes, gone, latest=last[leaf.kind, leaf.ref] == leaf.n))
    shown = [each.ref for each in items if each.kind == "delivery" and "body_sha256" in each.opened]
    bodies = {ref: body for ref in shown if (body := reading.body(ref)) is not None}
    return Facts(tuple(jobs), tuple(items), bodies, tree.size, mark, stamp, tuple(signers), gone)


def _covering(reading: BundleReading, size: int) -> tuple[bytes | None, bytes | None]:
    """The first checkpoint over so many leaves that has a timestamp, with it; where none has, the first one alone."""
    return reading.stamped_over(size) or (reading.checkpoint_over(size), None)


def _leaves(reading: BundleReading, jobs: Sequence[str]) -> Iterable[LeafRow]:
    """Of each job, of its deliveries (also those whose rows are gone), and of the keys that verified them."""
    found = [leaf for job in jobs for leaf in reading.of_job(job)]
    refs = {ref for job in jobs for ref in reading.deliveries_of(job)}
    refs |= {str(_plain(leaf).get("delivery_id")) for leaf in found if leaf.kind == "event"} - {"None"}
    deliveries = reading.named("delivery", sorted(refs))
    keys = {str(_plain(leaf).get("key_fingerprint")) for leaf in deliveries} - {"None"}
    return [*found, *deliveries, *reading.named("key", sorted(keys))]


def _plain(leaf: LeafRow) -> dict[str, Any]:
    plain = _sealed(leaf).get("plain")
    return plain if isinstance(plain, dict) else {}


def _sealed(leaf: LeafRow) -> dict[str, Any]:
    try:
        return entries.read(leaf.entry)
    except BrokenEvidence as error:
        raise _broken(leaf) from error


def _proved(leaf: LeafRow, tree: Checkpoint, nodes: Nodes) -> tuple[bytes, ...]:
    """The way to the root. Raises BrokenEvidence where it does not lead there: whatever follows may trust the entry."""
    try:
        path = proofs.inclusion(leaf.n, tree.size, nodes)
        proofs.verify_inclusion(leaf_hash(leaf.entry), leaf.n, tree.size, path, tree.root)
    except BrokenEvidence as error:
        raise _broken(leaf) from error
    return tuple(path)


def _broken(leaf: LeafRow) -> BrokenEvidence:
    return BrokenEvidence(f"trail {leaf.n} is not what was sealed; see what `proofhook audit verify` says")


def _item(leaf: LeafRow, row: Values | None, hashes: tuple[bytes, ...], gone: frozenset[str], *, latest: bool) -> Item:
    """A hidden field is shown when the row still has the very value that was sealed."""
    sealed, opened, left_out, closed = _sealed(leaf), dict[str, Opened](), dict[str, str](), dict[str, bytes]()
    for name, commitment in dict(sealed.get("hidden", {})).items():
        value = entries.opened(row[name]) if row is not None and name in row else b""
        salt = commitments.salt(leaf.salt, leaf.ref, name) if len(leaf.salt) >= commitments.SHORTEST_KEY else b""
        if name in gone:
            left_out[name], closed[name] = REDACTED, value
        elif salt and commitments.commit(salt, name, value) == commitment:
            opened[name] = Opened(salt, value)
        else:  # purged, or tampered with
            left_out[name] = NOT_HELD
    return Item(leaf.n, leaf.kind, leaf.ref, leaf.entry, sealed, hashes, opened, left_out, closed, latest)
