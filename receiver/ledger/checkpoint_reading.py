"""Single checkpoints out of many: found by their number, without reading those between."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, func, select

from receiver.ledger import trail_reading
from receiver.ledger.evidence import raw
from receiver.ledger.trail_tables import checkpoint

Numbered = tuple[int, bytes]
"""A checkpoint's number, which begins at 1, and its note."""


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


def between(connection: Connection, low: int, high: int, limit: int) -> list[Numbered]:
    """The first `limit` of those numbered `low` to `high`, both included; a note that is no bytes is empty."""
    query = _numbered(connection).where(checkpoint.c.n.between(low, high)).order_by(checkpoint.c.n).limit(limit)
    return _read(connection, query)


def newest(connection: Connection) -> Numbered | None:
    """The last one."""
    return next(iter(_read(connection, _numbered(connection).order_by(checkpoint.c.n.desc()).limit(1))), None)


def _numbered(connection: Connection) -> Select[Any]:
    return select(checkpoint.c.n, raw(checkpoint.c.note, file=connection.dialect.name == "sqlite"))


def _read(connection: Connection, query: Select[Any]) -> list[Numbered]:
    with trail_reading.forgiving(connection):
        return [(n, data if isinstance(data, bytes) else b"") for n, data in connection.execute(query)]
