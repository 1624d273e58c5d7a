"""The trail at a glance: how much is sealed, the last checkpoint, the keys, the newest entries. Nothing is verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from receiver.ledger import tables, trail, trail_reading
from receiver.ledger.evidence import can_name
from receiver.ledger.ledger import Ledger
from receiver.ledger.trail_tables import checkpoint, stamp, unsealed
from receiver.ledger.trail_tables import trail as leaves

_OF_A_JOB = frozenset({"order", "end", "purge", "event", "image"})
"""Kinds whose names begin with the job's id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf of the tree by its number; `job_id` is None where it is of no one job."""

    n: int
    kind: str
    ref: str
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Signed:
    """The last checkpoint: its number, how many entries it covers, when it was made, and its note's bytes."""

    n: int
    entries: int
    at: datetime
    note: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """The newest timestamp: of which checkpoint, by whom, and when they say it was."""

    checkpoint: int
    tsa: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TrailView:
    """`unsealed` are lines of the sealer's queue; `keys` verifier keys, the newest last; `newest` entries first."""

    entries: int
    unsealed: int
    signed: Signed | None
    keys: tuple[str, ...]
    stamp: Stamp | None
    newest: tuple[Entry, ...]


async def glance(ledger: Ledger, most: int = 25) -> TrailView:
    """What costs a few rows, whatever the trail's length. Raises LedgerBusy."""

    def looking(connection: Connection) -> TrailView:
        with trail_reading.forgiving(connection):
            return TrailView(
                trail.size(connection),
                connection.execute(select(func.count()).select_from(unsealed)).scalar() or 0,
                _signed(connection),
                tuple(key.vkey for key in trail_reading.signers(connection)),
                _stamp(connection),
                tuple(_newest(connection, most)),
            )

    return await ledger.read(looking)


def _signed(connection: Connection) -> Signed | None:
    row = connection.execute(select(checkpoint).order_by(checkpoint.c.n.desc()).limit(1)).first()
    return Signed(row.n, row.size, row.made_at, bytes(row.note)) if row else None


def _stamp(connection: Connection) -> Stamp | None:
    wanted = select(stamp.c.checkpoint, stamp.c.tsa, stamp.c.stamped_at)
    row = connection.execute(wanted.order_by(stamp.c.checkpoint.desc()).limit(1)).first()
    return Stamp(*row) if row else None


def _newest(connection: Connection, most: int) -> list[Entry]:
    query = select(leaves.c.n, leaves.c.kind, leaves.c.ref).order_by(leaves.c.n.desc()).limit(most)
    rows = [(n, str(kind), str(ref)) for n, kind, ref in connection.execute(query)]
    brought = _jobs(connection, [ref for _, kind, ref in rows if kind == "delivery" and can_name(ref)])
    return [Entry(n, kind, ref, _job(kind, ref, brought)) for n, kind, ref in rows]


def _jobs(connection: Connection, ids: Sequence[str]) -> Mapping[str, str | None]:
    """Delivery → the job that it is of."""
    delivery = tables.delivery.c
    rows = connection.execute(select(delivery.id, delivery.job_id).where(delivery.id.in_(ids)))
    return {row.id: row.job_id for row in rows}


def _job(kind: str, ref: str, brought: Mapping[str, str | None]) -> str | None:
    return ref.partition("/")[0] if kind in _OF_A_JOB else brought.get(ref)
