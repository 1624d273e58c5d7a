"""Timestamps of checkpoints, as rows: which checkpoint has none yet, and what an authority said of the others."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from receiver.ledger import trail
from receiver.ledger.evidence import raw
from receiver.ledger.news import announce
from receiver.ledger.rows import insert_new
from receiver.ledger.trail_tables import checkpoint, stamp

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Stamped:
    """A timestamp to keep: of which note, by whom, when we asked, when they say it was, and their whole answer."""

    note_sha256: str
    checkpoint: int
    tsa: str
    asked_at: datetime
    stamped_at: datetime
    response: bytes


class StampRow(NamedTuple):
    """A timestamp as the database has it."""

    note_sha256: object
    checkpoint: object
    tsa: object
    asked_at: object
    stamped_at: object
    response: object


def name(note: bytes) -> str:
    """What the stamp of a note is called: its SHA-256 in hex."""
    return sha256(note).hexdigest()


def asked_within(connection: Connection, since: datetime, until: datetime) -> bool:
    """Whether a stamp that is kept was asked for in that time."""
    return bool(connection.execute(select(exists().where(stamp.c.asked_at.between(since, until)))).scalar())


def unstamped(connection: Connection) -> tuple[int, bytes] | None:
    """Number and note of the newest checkpoint, where no stamp of it is kept."""
    note = raw(checkpoint.c.note, file=connection.dialect.name == "sqlite")
    row = connection.execute(select(checkpoint.c.n, note).order_by(checkpoint.c.n.desc()).limit(1)).first()
    if row is None or not isinstance(row[1], bytes):  # whatever else stands there was never signed
        return None
    kept = select(exists().where(stamp.c.note_sha256 == name(row[1])))
    return None if connection.execute(kept).scalar() else (int(row[0]), row[1])


def add(connection: Connection, made: Stamped) -> bool:
    """Keep it, and have it sealed. False where the note has a stamp already: that one stays."""
    new = insert_new(connection, stamp, asdict(made))
    if new:
        trail.queue(connection, "stamp", [made.note_sha256])
        announce(connection)
    return new


def every(connection: Connection) -> Iterator[StampRow]:
    """All of them, in the order of their checkpoints."""
    file = connection.dialect.name == "sqlite"
    query = select(*(raw(stamp.c[field], file=file) for field in StampRow._fields))
    query = query.order_by(stamp.c.checkpoint, stamp.c.note_sha256).execution_options(yield_per=AT_ONCE)
    for row in connection.execute(query):
        yield StampRow(*row)


def over(connection: Connection, size: int) -> tuple[bytes, bytes] | None:
    """Note and answer of the first stamped checkpoint of a tree of so many leaves or more.

    None, too, where that stamp is not of that note any more.
    """
    file = connection.dialect.name == "sqlite"
    wanted = (raw(each, file=file) for each in (checkpoint.c.note, stamp.c.response, stamp.c.note_sha256))
    query = select(*wanted).join_from(stamp, checkpoint, stamp.c.checkpoint == checkpoint.c.n)
    first = query.where(checkpoint.c.size >= size).order_by(stamp.c.checkpoint).limit(1)
    for note, response, named in connection.execute(first):
        if isinstance(note, bytes) and isinstance(response, bytes) and name(note) == named:
            return note, response
    return None
