"""The ledger as the evidence's room sees it: what waits to be sealed, what is sealed, and the rows behind it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from receiver.ledger import evidence, trail, trail_reading
from receiver.ledger.evidence import Values
from receiver.ledger.trail import Leaf, Sealed, SignerKey, TileSpan, Waiting

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from receiver.ledger.ledger import Ledger

T = TypeVar("T")


class Look:
    """The queue, what stands behind it and what was sealed of it, over one connection: they go together."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def waiting(self, limit: int) -> list[Waiting]:
        """The oldest of the queue."""
        return trail.waiting(self._connection, limit)

    def values(self, kind: str, refs: Sequence[str]) -> dict[str, Values]:
        """Rows as they stand, by name; what is gone is missing."""
        return evidence.read(self._connection, evidence.KINDS[kind], refs)

    def events_of(self, delivery_ids: Sequence[str]) -> list[str]:
        """The names of the events that these deliveries brought."""
        return trail.events_of(self._connection, delivery_ids)

    def latest(self, kind: str, refs: Sequence[str]) -> dict[str, tuple[bytes, bytes]]:
        """Name → salt and entry, as last sealed."""
        return trail.latest(self._connection, kind, refs)


class Archive:
    """Every method is one look, or one transaction. Raises LedgerBusy when the database does not answer."""

    def __init__(self, ledger: "Ledger") -> None:
        self._ledger = ledger

    async def look(self, at: Callable[[Look], T]) -> T:
        """Let `at` see the queue and what it names, in a thread."""
        return await self._read(lambda c: at(Look(c)))

    async def size(self) -> int:
        """How many leaves the tree has."""
        return await self._read(trail.size)

    async def tiles(self, names: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """(level, number) → what is stored of these tiles."""
        return await self._read(lambda c: {name: trail.tile_hashes(c, *name) for name in names})

    async def append(self, first: int, leaves: Sequence[Leaf], spans: Sequence[TileSpan], done: Sequence[int]) -> None:
        """Leaves `first` and on. Raises SealedElsewhere where the tree has grown meanwhile."""
        await self._ledger.fact(lambda c: trail.append(c, first, leaves, spans, done))

    async def hashes(self, first: int, stop: int) -> list[bytes]:
        """The stored hashes of the leaves from `first` up to `stop`."""
        return await self._read(lambda c: trail.leaf_hashes(c, first, stop))

    async def checkpointed(self, made: Sealed, after: bytes | None) -> None:
        """A checkpoint behind the note `after`. Raises SealedElsewhere where that is not the last, or the tree grew."""
        await self._ledger.fact(lambda c: trail.add_checkpoint(c, made, after))

    async def last_checkpoint(self) -> Sealed | None:
        return await self._read(trail.last_checkpoint)

    async def signers(self) -> list[SignerKey]:
        """Every key that ever signed, the first first."""
        return await self._read(trail.signers)

    async def signer_added(self, key: SignerKey, after: str | None) -> None:
        """A key behind the key `after`. Raises SealedElsewhere where that is not the last."""
        await self._ledger.fact(lambda c: trail.add_signer(c, key, after))

    async def _read(self, view: "Callable[[Connection], T]") -> T:
        """Text that is no UTF-8 any more is read all the same: one such row must not stop the sealer."""

        def looking(connection: "Connection") -> T:
            with trail_reading.forgiving(connection):
                return view(connection)

        return await self._ledger.read(looking)
