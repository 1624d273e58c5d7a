"""The whole trail, read as it stands, for who checks it: nothing here trusts that a value has its type."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, String, and_, exists, func, literal, select, text, type_coerce

from receiver.ledger import tables
from receiver.ledger.evidence import Kind, moment
from receiver.ledger.names import apart, ref_of
from receiver.ledger.trail import SignerKey
from receiver.ledger.trail_tables import checkpoint, signer, tile, trail, unsealed

AT_ONCE = 1000


class LeafRow(NamedTuple):
    """A row of the trail."""

    n: int
    kind: str
    ref: str
    salt: bytes
    entry: bytes
    hash: bytes


class TileRow(NamedTuple):
    """A row of the tiles."""

    level: int
    n: int
    hashes: bytes


class CheckpointRow(NamedTuple):
    """A row of the checkpoints; the time as the database has it."""

    n: int
    size: int
    made_at: object
    note: bytes


@contextmanager
def forgiving(connection: Connection) -> Iterator[None]:
    """Text that is no UTF-8 any more is read all the same, so that its row can be named."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    before, raw.text_factory = raw.text_factory, lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = before


def leaves(connection: Connection) -> Iterator[LeafRow]:
    """Every leaf, in order."""
    query = select(trail).order_by(trail.c.n).execution_options(yield_per=AT_ONCE)
    for row in connection.execute(query):
        yield LeafRow(row.n, row.kind, row.ref, _bytes(row.salt), _bytes(row.entry), _bytes(row.hash))


def tiles(connection: Connection) -> Iterator[TileRow]:
    """Every tile, level by level."""
    query = select(tile).order_by(tile.c.level, tile.c.n).execution_options(yield_per=AT_ONCE)
    for row in connection.execute(query):
        yield TileRow(row.level, row.n, _bytes(row.hashes))


def checkpoints(connection: Connection) -> Iterator[CheckpointRow]:
    """Every checkpoint, the oldest first."""
    made_at = type_coerce(checkpoint.c.made_at, String) if _is_file(connection) else checkpoint.c.made_at
    query = select(checkpoint.c.n, checkpoint.c.size, made_at.label("made_at"), checkpoint.c.note)
    for row in connection.execute(query.order_by(checkpoint.c.n).execution_options(yield_per=AT_ONCE)):
        yield CheckpointRow(row.n, row.size, row.made_at, _bytes(row.note))


def signers(connection: Connection) -> list[SignerKey]:
    """Every key of ours, the first first; when it was made is in its voucher."""
    query = select(signer.c.vkey, signer.c.vouched).order_by(signer.c.n)
    return [
        SignerKey(str(row.vkey), None if row.vouched is None else _bytes(row.vouched))
        for row in connection.execute(query)
    ]


def resealed(connection: Connection) -> dict[tuple[str, str], int]:
    """What was sealed more than once → the place of its last entry."""
    query = select(trail.c.kind, trail.c.ref, func.max(trail.c.n)).group_by(trail.c.kind, trail.c.ref)
    return {(row[0], row[1]): row[2] for row in connection.execute(query.having(func.count() > 1))}


def strangers(connection: Connection, kind: Kind) -> Iterator[str]:
    """Rows that are neither sealed nor on their way to be, by themselves or with the delivery that brought them."""
    keys = [kind.table.c[name] for name in kind.keys]
    name = keys[0] if len(keys) == 1 else keys[0] + literal("/") + keys[1]
    sealed = exists().where(and_(trail.c.kind == kind.name, trail.c.ref == name))
    query = select(*keys).where(~sealed)
    if kind.sealed is not None:
        query = query.where(text(kind.sealed))
    waits = _brought(connection, kind.name, queued(connection))
    for row in connection.execute(query.execution_options(yield_per=AT_ONCE)):
        if (ref := ref_of(*map(str, row))) not in waits:
            yield ref


def _brought(connection: Connection, kind: str, waiting: dict[str, set[str]]) -> set[str]:
    """The queue's names of that kind, and what the sealer will take along with the queue's deliveries."""
    names, deliveries = set(waiting.get(kind, ())), sorted(waiting.get("delivery", ()))
    event, delivery = tables.event.c, tables.delivery.c
    for start in range(0, len(deliveries), AT_ONCE):
        some = deliveries[start : start + AT_ONCE]
        if kind == "event":
            query = select(event.job_id, event.event_id).where(event.delivery_id.in_(some))
            names |= {ref_of(*row) for row in connection.execute(query)}
        if kind == "key":
            query = select(delivery.key_fingerprint).where(delivery.id.in_(some))
            names |= {str(found) for found in connection.execute(query).scalars()}
    return names


def queued(connection: Connection) -> dict[str, set[str]]:
    """What waits to be sealed: kind → names."""
    found: dict[str, set[str]] = {}
    for row in connection.execute(select(unsealed.c.kind, unsealed.c.ref).order_by(unsealed.c.n)):
        found.setdefault(str(row.kind), set()).update(apart(str(row.ref)))
    return found


def _is_file(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _bytes(value: object) -> bytes:
    """A blob that somebody made into something else is not the same bytes, but is read."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogateescape")


class SignedRow(NamedTuple):
    """What is needed to verify a delivery once more; `public` is the key's own bytes, None for a shared secret."""

    id: str
    provider: str
    job_id: str | None
    kind: str
    received_at: str
    headers: bytes
    body: bytes | None
    body_sha256: str
    key_id: str | None
    key_fingerprint: str | None
    public: bytes | None


def deliveries(connection: Connection, since: datetime | None = None) -> Iterator[SignedRow]:
    """Every delivery with its bytes, and the key that verified it."""
    delivery, key = tables.delivery.c, tables.key.c
    received_at = type_coerce(delivery.received_at, String) if _is_file(connection) else delivery.received_at
    query = (
        select(
            delivery.id, delivery.provider, delivery.job_id, delivery.kind, received_at, delivery.headers,
            delivery.body, delivery.body_sha256, delivery.key_id, delivery.key_fingerprint, key.public,
        )
        .select_from(tables.delivery.outerjoin(tables.key, key.fingerprint == delivery.key_fingerprint))
        .where(*([delivery.received_at >= since] if since else []))
        .order_by(delivery.id)
        .execution_options(yield_per=AT_ONCE)
    )  # fmt: skip
    for row in connection.execute(query):
        body = None if row.body is None else _bytes(row.body)
        public = None if row.public is None else _bytes(row.public)
        yield SignedRow(
            row.id, row.provider, row.job_id, row.kind, str(moment(row[4])), _bytes(row.headers), body,
            str(row.body_sha256), row.key_id, row.key_fingerprint, public,
        )  # fmt: skip


class ImageFile(NamedTuple):
    """A stored image, as its row says."""

    job_id: str
    key: str
    sha256: str
    bytes: int
    media_type: str


def images(connection: Connection, since: datetime | None = None) -> list[ImageFile]:
    """Every stored image."""
    image = tables.image.c
    query = select(image.job_id, image.key, image.sha256, image.bytes, image.media_type)
    wanted = [image.sha256.is_not(None), *([image.stored_at >= since] if since else [])]
    rows = connection.execute(query.where(*wanted).order_by(image.job_id, image.key))
    return [ImageFile(*row) for row in rows]
