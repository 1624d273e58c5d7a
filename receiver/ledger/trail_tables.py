"""The trail: what is sealed, in which order, with the tree over it and our signatures. Only ever added to.

`unsealed` is the way in: whatever writes evidence also writes here, in the same transaction, that it is to be sealed.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary
from sqlmodel import Field, SQLModel

from receiver.ledger.tables import Moment

_COUNTED = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only what it calls INTEGER."""


class UnsealedRow(SQLModel, table=True):
    """Evidence that waits for the sealer, in the order in which it was written."""

    __tablename__ = "unsealed"
    __table_args__ = ({"sqlite_autoincrement": True},)

    n: int | None = Field(default=None, sa_column=Column(_COUNTED, primary_key=True))
    kind: str
    ref: str


class TrailRow(SQLModel, table=True):
    """Leaf `n` of the tree: the entry's canonical bytes, its hash, and the salt of what it commits to unseen."""

    __tablename__ = "trail"
    __table_args__ = (Index("ix_trail_ref", "kind", "ref"),)

    n: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True))
    kind: str
    ref: str
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    entry: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TileRow(SQLModel, table=True):
    """Up to 256 hashes of one level of the tree, 32 bytes each (C2SP tlog-tiles, height 8)."""

    __tablename__ = "tile"

    level: int = Field(primary_key=True)
    n: int = Field(sa_column=Column(BigInteger, primary_key=True))
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CheckpointRow(SQLModel, table=True):
    """A signed note (C2SP) that names the tree's size and root at a time; quiet hours have theirs, too."""

    __tablename__ = "checkpoint"
    __table_args__ = ({"sqlite_autoincrement": True},)

    n: int | None = Field(default=None, sa_column=Column(_COUNTED, primary_key=True))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    made_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    note: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SignerRow(SQLModel, table=True):
    """A key of ours that signs checkpoints. All but the first are vouched for: a note by the key before."""

    __tablename__ = "signer"
    __table_args__ = ({"sqlite_autoincrement": True},)

    n: int | None = Field(default=None, sa_column=Column(_COUNTED, primary_key=True))
    vkey: str
    vouched: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class StampRow(SQLModel, table=True):
    """What a timestamp authority (RFC 3161) says of one checkpoint, by the SHA-256 of its note: its whole answer."""

    __tablename__ = "stamp"

    note_sha256: str = Field(primary_key=True)
    checkpoint: int = Field(sa_column=Column(BigInteger, nullable=False))
    tsa: str
    asked_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    stamped_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    response: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


unsealed = UnsealedRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it at class creation
trail = TrailRow.__table__  # type: ignore[attr-defined]
tile = TileRow.__table__  # type: ignore[attr-defined]
checkpoint = CheckpointRow.__table__  # type: ignore[attr-defined]
signer = SignerRow.__table__  # type: ignore[attr-defined]
stamp = StampRow.__table__  # type: ignore[attr-defined]
