"""What of each row is evidence: its columns as plain values, read as they stand, whatever somebody made of them.

Values are read raw, past SQLAlchemy's types: a time that was tampered with must be named, and not fail to parse.
What is left out is operational (docs/evidence.md lists each column with its reason).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    cast,
    select,
    text,
    type_coerce,
)
from sqlalchemy.types import NullType

from receiver.ledger import tables, trail_tables
from receiver.ledger.among import Among
from receiver.ledger.names import ref_of
from receiver.ledger.tables import Moment


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of entry says of its row. `hidden` columns are committed to, and may be left out or purged.

    `sealed` is the condition (SQL) under which a row is evidence of this kind, None is always; a row that does not
    meet it any more counts as gone. What was sealed stays as it is, but for columns that are `filled` once, those that
    `moves` names, and a row that is taken back, where `leaves`.
    """

    name: str
    table: Table
    keys: tuple[str, ...]
    plain: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    sealed: str | None = None
    filled: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    leaves: bool = False
    at: str | None = None
    """When it happened: nothing that a later checkpoint does not have can have happened long before it."""


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "order",
            tables.job,
            ("id",),
            ("provider", "model", "expected", "upload", "created_at", "deadline_at"),
            ("idempotency_key", "order_json", "order_digest", "params", "tags"),
            at="created_at",
        ),
        Kind(
            "delivery",
            tables.delivery,
            ("id",),
            (
                "received_at", "provider", "job_id", "kind", "verdict", "reason", "scheme", "key_id",
                "key_fingerprint", "signed_at", "body_bytes",
            ),
            ("headers", "body_sha256"),
            moves=("verdict", "reason"),
            at="received_at",
        ),
        Kind("key", tables.key, ("fingerprint",), ("key_id", "kind", "public", "source", "seen_at")),
        Kind(
            "event",
            tables.event,
            ("job_id", "event_id"),
            ("delivery_id", "outcome", "cost_usd", "recorded_at"),
            leaves=True,
        ),
        Kind(
            "image",
            tables.image,
            ("job_id", "key"),
            (
                "n", "cost_usd", "announced_at", "expires_at", "sha256", "media_type", "width", "height", "bytes",
                "arrived_by", "stored_at",
            ),
            ("url", "seed"),
            sealed="sha256 IS NOT NULL",
            filled=("url", "seed", "cost_usd", "expires_at"),
            leaves=True,
        ),
        Kind(
            "end",
            tables.job,
            ("id",),
            (
                "status", "standing", "request_id", "error_code", "cost_usd", "called_at", "submitted_at",
                "finished_at", "delivered_at",
            ),
            ("error_message", "links"),
            sealed="standing >= 30",
            filled=("called_at", "submitted_at", "request_id"),
            moves=(
                "status", "standing", "error_code", "error_message", "links", "cost_usd", "finished_at",
                "delivered_at",
            ),
            leaves=True,
        ),
        Kind(
            "purge",
            tables.purge,
            ("job_id",),
            ("purged_at", "files", "why"),
            moves=("purged_at", "files", "why"),
            at="purged_at",
        ),
        Kind(
            "stamp",
            trail_tables.stamp,
            ("note_sha256",),
            ("checkpoint", "tsa", "asked_at", "stamped_at"),
            ("response",),
            at="asked_at",
        ),
    )
}  # fmt: skip

Values = dict[str, Any]
"""Column → str, int or None; bytes only where a column holds bytes."""


def keys_of(kind: Kind, ref: str) -> list[str]:
    """What `ref_of` put together: no key but the last has a slash in it."""
    return ref.split("/", len(kind.keys) - 1)


def can_name(ref: str) -> bool:
    """Whether any row can have this name: text that no database can hold names none."""
    return ref.isprintable() or not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in ref)


def read(connection: Connection, kind: Kind, refs: Iterable[str]) -> dict[str, Values]:
    """The rows of these names as they stand now; what is not there, or no evidence any more, is missing."""
    wanted = {ref for ref in refs if can_name(ref)}
    if not wanted:
        return {}
    firsts = sorted({keys_of(kind, ref)[0] for ref in wanted})
    found = _shaped(kind, _by_first(kind.name).rows(connection, firsts))
    return {ref: values for ref, values in found if ref in wanted}


@cache
def _by_first(name: str) -> Among:
    kind = KINDS[name]
    return Among(f"{kind.table.name}.{kind.keys[0]}", lambda file, among: _query(kind, file=file).where(among))


def read_all(connection: Connection, kind: Kind) -> Iterable[tuple[str, Values]]:
    """Every row of the kind, in the order of its key."""
    order = [kind.table.c[name] for name in kind.keys]
    query = _query(kind, file=connection.dialect.name == "sqlite").order_by(*order)
    return _shaped(kind, connection.execute(query.execution_options(yield_per=1000)))


def _query(kind: Kind, *, file: bool) -> Select[Any]:
    query = select(*(raw(kind.table.c[name], file=file) for name in (*kind.keys, *kind.plain, *kind.hidden)))
    return query if kind.sealed is None else query.where(text(kind.sealed))


def raw(column: Column[Any], *, file: bool) -> Any:
    """The column as the database has it. A server's types are strict, so that its times and flags can be trusted."""
    if file:
        return type_coerce(column, NullType())
    if isinstance(column.type, JSON):
        return cast(column, String)
    return cast(column, Integer) if isinstance(column.type, Boolean) else column


def _shaped(kind: Kind, rows: Iterable[Any]) -> Iterator[tuple[str, Values]]:
    keys, names = len(kind.keys), (*kind.plain, *kind.hidden)
    shapes = [_shape(kind.table.c[name]) for name in names]
    for row in rows:
        columns = zip(names, shapes, row[keys:], strict=True)
        values = {name: None if value is None else shape(value) for name, shape, value in columns}  # nothing is nothing
        yield ref_of(*[str(plain(key)) for key in row[:keys]]), values


def _shape(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, Moment):
        return moment
    return blob if isinstance(column.type, LargeBinary) else plain


def plain(value: Any) -> Any:
    """Text, a whole number or nothing; what SQLite holds beside those, or instead of text, is told apart from them."""
    if type(value) is str:
        if value.isascii() or value.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in value):
            return value
        return f"text {value.encode('utf-8', 'surrogateescape').hex()}"
    return f"blob {value.hex()}" if isinstance(value, bytes) else value


def blob(value: Any) -> Any:
    """Bytes or nothing; of what else a column of bytes may hold, its looks."""
    return value if value is None or isinstance(value, bytes) else f"no bytes: {plain(value)}"


def moment(value: object) -> object:
    """`2026-03-01T12:00:00.000000Z`; of what is no time as we write it, its looks."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, str) and value[10:11] == " ":
        return plain(f"{value[:10]}T{value[11:]}Z")
    return value if value is None else f"no time: {plain(value)}"
