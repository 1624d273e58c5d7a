"""Single checkpoints out of many: found by their number, without reading those between."""

from collections.abc import Callable

from sqlalchemy import Connection, func, select

from receiver.ledger.trail_tables import checkpoint


def first(connection: Connection, wanted: Callable[[bytes], bool]) -> bytes | None:
    """The first note that is wanted, when every one behind it is wanted, too; None where none is."""
    low, high = connection.execute(select(func.min(checkpoint.c.n), func.max(checkpoint.c.n))).one()
    found: bytes | None = None
    while low is not None and low <= high:
        middle = (low + high) // 2
        query = select(checkpoint.c.n, checkpoint.c.note).where(checkpoint.c.n.between(middle, high))
        row = connection.execute(query.order_by(checkpoint.c.n).limit(1)).first()
        if row is None:
            high = middle - 1
        elif wanted(bytes(row.note)):
            found, high = bytes(row.note), middle - 1
        else:
            low = row.n + 1
    return found
