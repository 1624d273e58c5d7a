"""What a bundle is made of, read over one connection: the trail's entries of a job, and what stands behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, or_, select

from receiver.ledger import evidence, stamps, tables, trail, trail_reading
from receiver.ledger.evidence import KINDS, Values
from receiver.ledger.ledger import Ledger
from receiver.ledger.names import apart
from receiver.ledger.trail import CHUNK, SignerKey
from receiver.ledger.trail_reading import LeafRow
from receiver.ledger.trail_tables import checkpoint, unsealed
from receiver.ledger.trail_tables import trail as trail_rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Body:
    """What a delivery brought; `raw` is None where the bytes stand in storage by their hash."""

    raw: bytes | None
    sha256: str


class BundleReading:
    """Rows as they stand, whatever somebody made of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_job(self, job_id: str) -> list[LeafRow]:
        """The entries whose name begins with the job's: its order, events, images, end; in the trail's order."""
        column = trail_rows.c.ref
        file = self._connection.dialect.name == "sqlite"  # compares bytes, and "0" comes right after "/"
        within = column.between(f"{job_id}/", f"{job_id}0") if file else column.startswith(f"{job_id}/")
        return self._leaves([*KINDS], or_(column == job_id, within))

    def named(self, kind: str, refs: Sequence[str]) -> list[LeafRow]:
        """The entries of these names, in the trail's order."""
        column = trail_rows.c.ref
        parts = [refs[start : start + CHUNK] for start in range(0, len(refs), CHUNK)]
        return [leaf for part in parts for leaf in self._leaves([kind], column.in_(part))]

    def deliveries_of(self, job_id: str) -> list[str]:
        """The names of the requests that came in for a job."""
        delivery = tables.delivery.c
        query = select(delivery.id).where(delivery.job_id == job_id).order_by(delivery.id)
        return [str(row.id) for row in self._connection.execute(query)]

    def values(self, kind: str, refs: Sequence[str]) -> Mapping[str, Values]:
        """Rows of these names; what is gone is missing."""
        return evidence.read(self._connection, KINDS[kind], refs)

    def body(self, delivery_id: str) -> Body | None:
        """None where the delivery is gone."""
        delivery = tables.delivery.c
        row = self._connection.execute(
            select(delivery.body, delivery.body_sha256).where(delivery.id == delivery_id)
        ).first()
        return None if row is None else Body(None if row.body is None else _bytes(row.body), str(row.body_sha256))

    def waiting(self) -> list[tuple[str, str]]:
        """Kind and name of all that is not sealed yet."""
        rows = self._connection.execute(select(unsealed.c.kind, unsealed.c.ref))
        return [(str(row.kind), ref) for row in rows for ref in apart(str(row.ref))]

    def checkpoint_over(self, size: int) -> bytes | None:
        """The first checkpoint of a tree of so many leaves or more: its note."""
        query = select(checkpoint.c.note).where(checkpoint.c.size >= size)
        row = self._connection.execute(query.order_by(checkpoint.c.n).limit(1)).first()
        return None if row is None else _bytes(row.note)

    def stamped_over(self, size: int) -> tuple[bytes, bytes] | None:
        """Of the first such checkpoint that has a timestamp: its note, and the authority's answer."""
        return stamps.over(self._connection, size)

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile."""
        return trail.tile_hashes(self._connection, level, n)

    def signers(self) -> list[SignerKey]:
        """Every key of ours, the first first."""
        return trail_reading.signers(self._connection)

    def _leaves(self, kinds: Sequence[str], condition: ColumnElement[bool]) -> list[LeafRow]:
        table = trail_rows
        query = select(table).where(table.c.kind.in_(kinds), condition).order_by(table.c.n)
        rows = self._connection.execute(query)
        return [LeafRow(r.n, r.kind, r.ref, _bytes(r.salt), _bytes(r.entry), _bytes(r.hash)) for r in rows]


def _bytes(value: object) -> bytes:
    """A blob that somebody made into something else is read, and will not verify."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


async def read_for_bundle(ledger: Ledger, look: Callable[[BundleReading], T]) -> T:
    """Let `look` see the ledger, in a thread. Raises LedgerBusy."""

    def looking(connection: Connection) -> T:
        with trail_reading.forgiving(connection):
            return look(BundleReading(connection))

    return await ledger.read(looking)
