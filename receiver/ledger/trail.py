"""The trail's rows: what waits to be sealed, what is sealed, the tree's tiles and the checkpoints. Added to only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, TextClause, and_, delete, func, insert, select, text, tuple_, update

from receiver.errors import SealedElsewhere
from receiver.ledger import tables
from receiver.ledger.among import Among
from receiver.ledger.evidence import moment, raw
from receiver.ledger.names import apart, ref_of, together
from receiver.ledger.trail_tables import checkpoint, signer, tile, trail, unsealed

CHUNK = 500
"""Names in one query: SQLite takes no statement of any length."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Evidence in the queue."""

    n: int
    kind: str
    ref: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sealed entry, without its place."""

    kind: str
    ref: str
    salt: bytes
    entry: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class TileSpan:
    """Hashes that a tile gains; where `start` is 0 the tile is new."""

    level: int
    n: int
    start: int
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed checkpoint as it is stored."""

    size: int
    made_at: datetime
    note: bytes


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A key that signs checkpoints; `vouched` is a note by the key before, None for the first."""

    vkey: str
    vouched: bytes | None


def queue(connection: Connection, kind: str, refs: Iterable[str]) -> None:
    """What this transaction has written is to be sealed."""
    if names := list(refs):
        connection.execute(insert(unsealed).values(kind=kind, ref=together(names)))


def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """The oldest of the queue: `limit` names, and those that stand in the same row as the last."""
    found: list[Waiting] = []
    for row in connection.execute(select(unsealed).order_by(unsealed.c.n).limit(limit)):
        if len(found) >= limit:
            break
        found += [Waiting(row.n, str(row.kind), ref) for ref in apart(str(row.ref)) or [""]]
    return found


def events_of(connection: Connection, delivery_ids: Sequence[str]) -> list[str]:
    """The names of the events that these deliveries brought."""
    return sorted(ref_of(*row) for row in _EVENTS.run(connection, delivery_ids))


def _events(_file: bool, among: TextClause) -> Select[Any]:
    event, delivery = tables.event.c, tables.delivery.c
    brought = and_(event.job_id == delivery.job_id, event.delivery_id == delivery.id)  # by the job: it has the index
    return select(event.job_id, event.event_id).select_from(tables.delivery.join(tables.event, brought)).where(among)


_EVENTS = Among("delivery.id", _events)


def latest(connection: Connection, kind: str, refs: Sequence[str]) -> dict[str, tuple[bytes, bytes]]:
    """Name → salt and entry, as last sealed."""
    rows = sorted(_LATEST.run(connection, refs, kind=kind), key=itemgetter(0))
    return {row.ref: (_blob(row.salt), _blob(row.entry)) for row in rows}


def _sealed(file: bool, among: TextClause) -> Select[Any]:
    shown = (raw(column, file=file) for column in (trail.c.n, trail.c.ref, trail.c.salt, trail.c.entry))
    return select(*shown).where(text("trail.kind = :kind"), among)


_LATEST = Among("trail.ref", _sealed)


def _blob(value: object) -> bytes:
    """What is no bytes, where bytes belong, was tampered with: none of ours."""
    return value if isinstance(value, bytes) else b""


def size(connection: Connection) -> int:
    """How many leaves the tree has."""
    return (connection.execute(select(func.max(trail.c.n))).scalar() or 0) + 1 if _any(connection) else 0


def _any(connection: Connection) -> bool:
    return connection.execute(select(trail.c.n).limit(1)).first() is not None


def tile_hashes(connection: Connection, level: int, n: int) -> bytes:
    """What is stored of a tile; empty where there is none."""
    query = select(raw(tile.c.hashes, file=_is_file(connection))).where(tile.c.level == level, tile.c.n == n)
    return _blob(connection.execute(query).scalar())


def append(
    connection: Connection, first: int, leaves: Sequence[Leaf], spans: Sequence[TileSpan], done: Sequence[int]
) -> None:
    """Leaves `first` and on, with what the tiles gain. Raises SealedElsewhere where the tree has grown meanwhile."""
    _alone(connection)
    if size(connection) != first:
        raise SealedElsewhere("another process has sealed meanwhile")
    rows = [(n, leaf.kind, leaf.ref, leaf.salt, leaf.entry, leaf.hash) for n, leaf in enumerate(leaves, first)]
    if rows:
        connection.exec_driver_sql(_ADD if _is_file(connection) else _ADD.replace("?", "%s"), rows)
    for span in spans:
        _grow(connection, span)
    _DONE.run(connection, done)


_ADD = "INSERT INTO trail (n, kind, ref, salt, entry, hash) VALUES (?, ?, ?, ?, ?, ?)"
"""As the drivers take it: SQLAlchemy's own insert looks at every value, and the ledger is locked meanwhile."""
_DONE = Among("unsealed.n", lambda _file, among: delete(unsealed).where(among))


def _grow(connection: Connection, span: TileSpan) -> None:
    if span.start == 0:
        connection.execute(insert(tile).values(level=span.level, n=span.n, hashes=span.hashes))
        return
    before = tile_hashes(connection, span.level, span.n)
    which = tuple_(tile.c.level, tile.c.n) == (span.level, span.n)
    connection.execute(update(tile).where(which).values(hashes=before[: span.start * 32] + span.hashes))


def leaf_hashes(connection: Connection, first: int, stop: int) -> list[bytes]:
    """What is stored as the hashes of the leaves from `first` up to `stop`."""
    query = select(raw(trail.c.hash, file=_is_file(connection))).where(trail.c.n >= first, trail.c.n < stop)
    return [_blob(each) for each in connection.execute(query.order_by(trail.c.n)).scalars()]


def add_checkpoint(connection: Connection, made: Sealed, after: bytes | None) -> None:
    """The next one behind the note `after`. Raises SealedElsewhere where tree or checkpoints have grown meanwhile."""
    _alone(connection)
    last = last_checkpoint(connection)
    if (last.note if last else None) != after or size(connection) != made.size:
        raise SealedElsewhere("another process has signed meanwhile")
    row = {"n": _next(connection, checkpoint), "size": made.size, "made_at": made.made_at, "note": made.note}
    connection.execute(insert(checkpoint).values(row))


def last_checkpoint(connection: Connection) -> Sealed | None:
    """As it stands: the note alone is signed. A time that cannot be read is long ago."""
    file = _is_file(connection)
    columns = (raw(column, file=file) for column in (checkpoint.c.size, checkpoint.c.made_at, checkpoint.c.note))
    row = connection.execute(select(*columns).order_by(checkpoint.c.n.desc()).limit(1)).first()
    if row is None:
        return None
    return Sealed(row[0], _time(row[1]), _blob(row[2]))


def _time(value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(moment(value)))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def add_signer(connection: Connection, key: SignerKey, after: str | None) -> None:
    """The next one behind `after`. Raises SealedElsewhere where another process has added one meanwhile."""
    _alone(connection)
    known = signers(connection)
    if (known[-1].vkey if known else None) != after:
        raise SealedElsewhere("another process has added a key meanwhile")
    connection.execute(insert(signer).values(n=_next(connection, signer), vkey=key.vkey, vouched=key.vouched))


def _next(connection: Connection, table: Table) -> int:
    """Numbers without a gap: a server's own counter goes on where a transaction was rolled back."""
    return int(connection.execute(select(func.coalesce(func.max(table.c.n), 0))).scalar_one()) + 1


def _alone(connection: Connection) -> None:
    """One transaction at a time adds to the trail; who reads does not wait. A file has but one writer anyway."""
    if not _is_file(connection):
        connection.exec_driver_sql("LOCK TABLE trail IN EXCLUSIVE MODE")


def _is_file(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def signers(connection: Connection) -> list[SignerKey]:
    """Every key of ours, the first first."""
    rows = connection.execute(select(signer).order_by(signer.c.n))
    return [SignerKey(row.vkey, row.vouched) for row in rows]
