"""What of each row is evidence: its columns as plain values, read as they stand, whatever somebody made of them.

Values are read raw, past SQLAlchemy's types: a time that was tampered with must be named, and not fail to parse.
What is left out is operational (docs/evidence.md lists each column with its reason).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Integer, Select, String, Table, cast, select, type_coerce

from receiver.ledger import tables
from receiver.ledger.names import ref_of
from receiver.ledger.tables import Moment


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of entry says of its row. `hidden` columns are committed to, and may be left out or purged.

    `sealed` is the condition (SQL) from which on a row is sealed; None is always.
    """

    name: str
    table: Table
    keys: tuple[str, ...]
    plain: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    sealed: str | None = None


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "order",
            tables.job,
            ("id",),
            ("provider", "model", "expected", "upload", "created_at", "deadline_at"),
            ("idempotency_key", "order_json", "order_digest", "params", "tags"),
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
        ),
        Kind("key", tables.key, ("fingerprint",), ("key_id", "kind", "public", "source", "seen_at")),
        Kind("event", tables.event, ("job_id", "event_id"), ("delivery_id", "outcome", "cost_usd", "recorded_at")),
        Kind(
            "image",
            tables.image,
            ("job_id", "key"),
            (
                "n", "cost_usd", "announced_at", "expires_at", "sha256", "media_type", "width", "height", "bytes",
                "arrived_by", "stored_at",
            ),
            ("url", "seed"),
            "sha256 IS NOT NULL",
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
            "standing >= 30",
        ),
    )
}  # fmt: skip

Values = dict[str, Any]
"""Column → str, int or None; bytes only where a column holds bytes."""


def keys_of(kind: Kind, ref: str) -> list[str]:
    """What `ref_of` put together: no key but the last has a slash in it."""
    return ref.split("/", len(kind.keys) - 1)


def read(connection: Connection, kind: Kind, refs: Sequence[str]) -> dict[str, Values]:
    """The rows of these names as they stand now; what is not there is missing."""
    if not refs:
        return {}
    firsts = list({keys_of(kind, ref)[0] for ref in refs})
    wanted = set(refs)
    found = _rows(connection, kind, _query(connection, kind).where(kind.table.c[kind.keys[0]].in_(firsts)))
    return {ref: values for ref, values in found if ref in wanted}


def read_all(connection: Connection, kind: Kind) -> Iterable[tuple[str, Values]]:
    """Every row of the kind's table, in the order of its key."""
    order = [kind.table.c[name] for name in kind.keys]
    return _rows(connection, kind, _query(connection, kind).order_by(*order).execution_options(yield_per=1000))


def _query(connection: Connection, kind: Kind) -> Select[Any]:
    file = connection.dialect.name == "sqlite"
    return select(*(_raw(kind.table.c[name], file=file) for name in (*kind.keys, *kind.plain, *kind.hidden)))


def _raw(column: Column[Any], *, file: bool) -> Any:
    """The column as the database has it. A server's types are strict, so that its times and flags can be trusted."""
    if isinstance(column.type, JSON):
        return cast(column, String) if not file else type_coerce(column, String)
    if isinstance(column.type, Boolean):
        return cast(column, Integer) if not file else type_coerce(column, Integer)
    return type_coerce(column, String) if file and isinstance(column.type, Moment) else column


def _rows(connection: Connection, kind: Kind, query: Select[Any]) -> Iterable[tuple[str, Values]]:
    keys, names = len(kind.keys), (*kind.plain, *kind.hidden)
    moments = {name for name in names if isinstance(kind.table.c[name].type, Moment)}
    for row in connection.execute(query):
        values = dict(zip(names, row[keys:], strict=True))
        for name in moments:
            values[name] = moment(values[name])
        yield ref_of(*map(str, row[:keys])), values


def moment(value: object) -> object:
    """`2026-03-01T12:00:00.000000Z`; what is no time stays as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, str) and value[10:11] == " ":
        return f"{value[:10]}T{value[11:]}Z"
    return value


def header_lines(packed: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The header lines of a delivery as they came, of what columns.pack made of them."""
    lines = (line.partition(b": ") for line in packed.split(b"\n")[:-1])
    return tuple((name, value) for name, _, value in lines)
