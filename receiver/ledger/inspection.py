"""One look at the whole trail and the rows behind it, over one connection, for who checks them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from receiver.ledger import evidence, stamps, trail_reading
from receiver.ledger.evidence import Values
from receiver.ledger.ledger import Ledger
from receiver.ledger.stamps import StampRow
from receiver.ledger.trail import SignerKey
from receiver.ledger.trail_reading import CheckpointRow, ImageFile, LeafRow, SignedRow, TileRow

T = TypeVar("T")


class Inspection:
    """Rows as they stand, whatever somebody made of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def leaves(self) -> Iterator[LeafRow]:
        """Every leaf of the tree, in order."""
        return trail_reading.leaves(self._connection)

    def tiles(self) -> Iterator[TileRow]:
        """Every tile, level by level."""
        return trail_reading.tiles(self._connection)

    def checkpoints(self) -> list[CheckpointRow]:
        """Every checkpoint, the oldest first."""
        return list(trail_reading.checkpoints(self._connection))

    def stamps(self) -> Iterator[StampRow]:
        """Every timestamp, in the order of its checkpoint."""
        return stamps.every(self._connection)

    def signers(self) -> list[SignerKey]:
        """Every key of ours, the first first."""
        return trail_reading.signers(self._connection)

    def numbered_signers(self) -> list[tuple[int, SignerKey]]:
        """The same, each with its number."""
        return trail_reading.numbered_signers(self._connection)

    def resealed(self) -> dict[tuple[str, str], int]:
        """What was sealed more than once → the place of its last entry."""
        return trail_reading.resealed(self._connection)

    def values(self, kind: str, refs: Collection[str]) -> Mapping[str, Values]:
        """Rows of these names; what is gone is missing."""
        return evidence.read(self._connection, evidence.KINDS[kind], refs)

    def strangers(self) -> Iterator[tuple[str, str]]:
        """Kind and name of every row that is neither sealed nor on its way to be."""
        for kind in evidence.KINDS.values():
            for ref in trail_reading.strangers(self._connection, kind):
                yield kind.name, ref

    def purges(self) -> Iterator[LeafRow]:
        """The leaves of purges, in order."""
        return trail_reading.purges(self._connection)

    def queued(self) -> Mapping[str, AbstractSet[str]]:
        """What waits to be sealed: kind → names."""
        return trail_reading.queued(self._connection)

    def deliveries(self, since: datetime | None = None) -> Iterator[SignedRow]:
        """Every delivery with its bytes, and the key that verified it."""
        return trail_reading.deliveries(self._connection, since)

    def images(self, since: datetime | None = None) -> list[ImageFile]:
        """Every stored image."""
        return trail_reading.images(self._connection, since)


async def inspect(ledger: Ledger, look: Callable[[Inspection], T]) -> T:
    """Let `look` see the ledger, in a thread. Raises LedgerBusy."""

    def looking(connection: Connection) -> T:
        trail_reading.steady(connection)
        with trail_reading.forgiving(connection):
            return look(Inspection(connection))

    return await ledger.read(looking)
