"""The whole trail, read as it stands, for who checks it: nothing here trusts that a value has its type."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Column, Connection, Select, Table, and_, exists, func, literal, select, text

from receiver.ledger import tables
from receiver.ledger.arrivals import redelivered
from receiver.ledger.evidence import Kind, can_name, moment, plain, raw
from receiver.ledger.kept import came
from receiver.ledger.names import apart, ref_of
from receiver.ledger.trail import SignerKey
from receiver.ledger.trail_tables import checkpoint, signer, tile, trail, unsealed

AT_ONCE = 1000
T = TypeVar("T")


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
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    before, driver.text_factory = driver.text_factory, lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def steady(connection: Connection) -> None:
    """One and the same state for all that follows, however long it takes. A file's reader has that by itself."""
    if not _is_file(connection):
        connection.execution_options(isolation_level="REPEATABLE READ")
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def leaves(connection: Connection) -> Iterator[LeafRow]:
    """Every leaf, in order."""
    for n, kind, ref, salt, entry, hash_ in connection.execute(_all(connection, trail, trail.c.n)):
        yield LeafRow(n, _text(kind), _text(ref), _bytes(salt), _bytes(entry), _bytes(hash_))


def purges(connection: Connection) -> Iterator[LeafRow]:
    """The leaves of purges, in order."""
    mine = _all(connection, trail, trail.c.n).where(trail.c.kind == "purge")
    for n, kind, ref, salt, entry, hash_ in connection.execute(mine):
        yield LeafRow(n, _text(kind), _text(ref), _bytes(salt), _bytes(entry), _bytes(hash_))


def tiles(connection: Connection) -> Iterator[TileRow]:
    """Every tile, level by level."""
    for level, n, hashes in connection.execute(_all(connection, tile, tile.c.level, tile.c.n)):
        yield TileRow(level, n, _bytes(hashes))


def checkpoints(connection: Connection) -> Iterator[CheckpointRow]:
    """Every checkpoint, the oldest first."""
    for n, size, made_at, note in connection.execute(_all(connection, checkpoint, checkpoint.c.n)):
        yield CheckpointRow(n, size, made_at, _bytes(note))


def signers(connection: Connection) -> list[SignerKey]:
    """Every key of ours, the first first; when it was made is in its voucher."""
    return [key for _, key in numbered_signers(connection)]


def numbered_signers(connection: Connection) -> list[tuple[int, SignerKey]]:
    """Number and key, in the order of the numbers."""
    rows = connection.execute(_all(connection, signer, signer.c.n))
    return [(n, SignerKey(_text(vkey), None if vouched is None else _bytes(vouched))) for n, vkey, vouched in rows]


def _all(connection: Connection, table: Table, *order: Column[Any]) -> Select[Any]:
    """Every row of a table as the database has it."""
    query = select(*(raw(column, file=_is_file(connection)) for column in table.columns))
    return query.order_by(*order).execution_options(yield_per=AT_ONCE)


def resealed(connection: Connection) -> dict[tuple[str, str], int]:
    """What was sealed more than once → the place of its last entry."""
    query = select(trail.c.kind, trail.c.ref, func.max(trail.c.n)).group_by(trail.c.kind, trail.c.ref)
    again = connection.execute(query.having(func.count() > 1))
    return {(_text(kind), _text(ref)): n for kind, ref, n in again}


def strangers(connection: Connection, kind: Kind) -> Iterator[str]:
    """Rows that are neither sealed nor on their way to be, by themselves or with the delivery that brought them."""
    keys = [kind.table.c[name] for name in kind.keys]
    name = keys[0] if len(keys) == 1 else keys[0] + literal("/") + keys[1]
    sealed = exists().where(and_(trail.c.kind == kind.name, trail.c.ref == name))
    query = select(*(raw(each, file=_is_file(connection)) for each in keys)).where(~sealed)
    if kind.sealed is not None:
        query = query.where(text(kind.sealed))
    waits = _brought(connection, kind.name, queued(connection))
    for row in connection.execute(query.execution_options(yield_per=AT_ONCE)):
        if (ref := ref_of(*map(_text, row))) not in waits:
            yield ref


def _brought(connection: Connection, kind: str, waiting: dict[str, set[str]]) -> set[str]:
    """The queue's names of that kind, and what the sealer will take along with the queue's deliveries."""
    names, deliveries = set(waiting.get(kind, ())), sorted(filter(can_name, waiting.get("delivery", ())))
    event, delivery = tables.event.c, tables.delivery.c
    for start in range(0, len(deliveries), AT_ONCE):
        some = deliveries[start : start + AT_ONCE]
        if kind == "event":
            query = select(event.job_id, event.event_id).where(event.delivery_id.in_(some))
            names |= {ref_of(*map(_text, row)) for row in connection.execute(query)}
        if kind == "key":
            query = select(delivery.key_fingerprint).where(delivery.id.in_(some))
            names |= {_text(found) for found in connection.execute(query).scalars()}
    return names


def queued(connection: Connection) -> dict[str, set[str]]:
    """What waits to be sealed: kind → names."""
    found: dict[str, set[str]] = {}
    for kind, ref in connection.execute(select(unsealed.c.kind, unsealed.c.ref).order_by(unsealed.c.n)):
        found.setdefault(_text(kind), set()).update(apart(_text(ref)))
    return found


def _is_file(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _text(value: object) -> str:
    return value if type(value) is str else str(plain(value))


def _bytes(value: object) -> bytes:
    """A blob that somebody made into something else is not the same bytes, but is read."""
    if isinstance(value, bytes):
        return value
    return b"no bytes: " + str(value).encode("utf-8", "surrogateescape")


class SignedRow(NamedTuple):
    """What verifies a delivery again; `public` is None of a shared secret, `came_at` a redelivery's first arrival."""

    id: str
    provider: str
    job_id: str | None
    kind: str
    came_at: str
    headers: bytes
    body: bytes | None
    body_sha256: str
    key_id: str | None
    key_fingerprint: str | None
    public: bytes | None


def deliveries(connection: Connection, since: datetime | None = None) -> Iterator[SignedRow]:
    """Every delivery with its bytes, and the key that verified it."""
    delivery, key = tables.delivery.c, tables.key.c
    wanted = (
        delivery.id, delivery.provider, delivery.job_id, delivery.kind, delivery.received_at, delivery.headers,
        delivery.body, delivery.body_sha256, delivery.key_id, delivery.key_fingerprint, key.public, delivery.reason,
    )  # fmt: skip
    query = (
        select(*(raw(each, file=_is_file(connection)) for each in wanted))
        .select_from(tables.delivery.outerjoin(tables.key, key.fingerprint == delivery.key_fingerprint))
        .where(*([delivery.received_at >= since] if since else []))
        .order_by(delivery.id)
        .execution_options(yield_per=AT_ONCE)
    )  # fmt: skip
    for (
        id_,
        provider,
        job_id,
        kind,
        at,
        headers,
        body,
        sha256,
        key_id,
        fingerprint,
        public,
        reason,
    ) in connection.execute(query):
        of = redelivered(_maybe(_text, reason))
        came_at = str(moment(came(connection, of, _maybe(_text, job_id)) if of else at))
        yield SignedRow(
            _text(id_), _text(provider), _maybe(_text, job_id), _text(kind), came_at, _bytes(headers),
            _maybe(_bytes, body), _text(sha256), _maybe(_text, key_id), _maybe(_text, fingerprint),
            _maybe(_bytes, public),
        )  # fmt: skip


def _maybe(make: Callable[[object], T], value: object) -> T | None:
    return None if value is None else make(value)


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
    shown = (image.job_id, image.key, image.sha256, image.bytes, image.media_type)
    query = select(*(raw(each, file=_is_file(connection)) for each in shown))
    wanted = [image.sha256.is_not(None), *([image.stored_at >= since] if since else [])]
    rows = connection.execute(query.where(*wanted).order_by(image.job_id, image.key))
    return [ImageFile(_text(row[0]), _text(row[1]), _text(row[2]), row[3], _text(row[4])) for row in rows]
