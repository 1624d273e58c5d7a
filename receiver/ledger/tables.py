"""The rows. Times are aware UTC everywhere in Python; SQLite keeps them as text that sorts."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Index, Integer, LargeBinary, String, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC; a naive one is refused, because nobody could say what it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the ledger must carry its zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(Moment, nullable=nullable))


def _json() -> Any:
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


RARE = text("verdict NOT IN ('verified', 'unsigned')")
STORED = text("sha256 IS NOT NULL")
OPEN = text("standing < 30")
ASKED = text("ask_at IS NOT NULL")
UNSENT = text("send_at IS NOT NULL AND standing = 0")
SPILLED = text("body IS NULL AND body_sha256 <> ''")
PENDING = text("pending IS NOT NULL")
NOTED = text("request_id IS NOT NULL")
AGAIN = text("repeats > 0")
"""Rare rows have an index of their own; the hot path does not pay for it. A query must say the very same words,
not with a parameter, or the planner cannot know that the index will do. RARE: what is no callback as it should be.
OPEN: below Standing.EXPIRED. UNSENT: still Standing.PENDING, and nobody has claimed the call."""


class JobRow(SQLModel, table=True):
    """An order on its way. `standing` only climbs (see rules.py); `status` is its public word."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_created", "created_at", "id"),
        Index("ix_job_status_created", "status", "created_at", "id"),
        Index("ix_job_provider_created", "provider", "created_at", "id"),
        Index("ix_job_open", "deadline_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_job_ask", "ask_at", sqlite_where=ASKED, postgresql_where=ASKED),
        Index("ix_job_send", "send_at", sqlite_where=UNSENT, postgresql_where=UNSENT),
        # by their beginning, whatever the order of letters is in the server's locale
        Index(
            "ix_job_request",
            "request_id",
            sqlite_where=NOTED,
            postgresql_where=NOTED,
            postgresql_ops={"request_id": "text_pattern_ops"},
        ),
    )

    id: str = Field(primary_key=True)
    provider: str
    model: str
    status: str
    standing: int
    request_id: str | None = None
    idempotency_key: str | None = Field(default=None, unique=True)
    order_digest: str
    expected: int
    upload: bool
    order: dict[str, Any] = Field(sa_column=Column("order_json", JSON, nullable=False))
    params: dict[str, Any] = _json()
    tags: dict[str, Any] = _json()
    links: dict[str, Any] = _json()
    error_code: str | None = None
    error_message: str | None = None
    cost_usd: str | None = None
    created_at: datetime = _moment(nullable=False)
    called_at: datetime | None = _moment()
    submitted_at: datetime | None = _moment()
    finished_at: datetime | None = _moment()
    delivered_at: datetime | None = _moment()
    deadline_at: datetime = _moment(nullable=False)
    ask_at: datetime | None = _moment()
    asks: int = 0
    send_at: datetime | None = _moment()


class DeliveryRow(SQLModel, table=True):
    """One inbound request as it came, believed or refused. A body over 64 KiB stands in storage by its hash."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_rare", "verdict", "id", sqlite_where=RARE, postgresql_where=RARE),
        Index("ix_delivery_again", "id", "repeats", sqlite_where=AGAIN, postgresql_where=AGAIN),
        Index("ix_delivery_spilled", "body_sha256", sqlite_where=SPILLED, postgresql_where=SPILLED),
    )

    id: str = Field(primary_key=True)
    received_at: datetime = _moment(nullable=False)
    provider: str
    job_id: str | None = Field(default=None, index=True)
    kind: str
    verdict: str
    reason: str | None = None
    scheme: str | None = None
    key_id: str | None = None
    key_fingerprint: str | None = None
    signed_at: datetime | None = _moment()
    headers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    body_sha256: str
    body_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    repeats: int = 0


class KeyRow(SQLModel, table=True):
    """A key that verified something: public material as seen, or for a shared secret its fingerprint only."""

    __tablename__ = "key"

    fingerprint: str = Field(primary_key=True)
    key_id: str
    kind: str
    public: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    source: str
    seen_at: datetime | None = _moment()


class EventRow(SQLModel, table=True):
    """What happened, once: the primary key is the idempotency key, and duplicates die on it."""

    __tablename__ = "event"
    __table_args__ = ({"sqlite_with_rowid": False},)

    job_id: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    delivery_id: str
    outcome: str
    cost_usd: str | None = None
    recorded_at: datetime = _moment(nullable=False)


class ImageRow(SQLModel, table=True):
    """A result: announced (promised), then stored. `staged_sha256` = bytes that are here but not yet checked."""

    __tablename__ = "image"
    __table_args__ = (
        Index("ix_image_sha256", "sha256", sqlite_where=STORED, postgresql_where=STORED),
        {"sqlite_with_rowid": False},
    )

    job_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    n: int
    url: str | None = None
    seed: str | None = None
    cost_usd: str | None = None
    announced_at: datetime = _moment(nullable=False)
    expires_at: datetime | None = _moment()
    staged_sha256: str | None = None
    staged_by: str | None = None
    sha256: str | None = None
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    arrived_by: str | None = None
    stored_at: datetime | None = _moment()


class TaskRow(SQLModel, table=True):
    """Work to do for one image. Leased, retried, and a dead letter when out of attempts; gone when done."""

    __tablename__ = "task"
    __table_args__ = (Index("ix_task_due", "dead_at", "expires_at", "due_at"), {"sqlite_with_rowid": False})

    job_id: str = Field(primary_key=True)
    image_key: str = Field(primary_key=True)
    due_at: datetime = _moment(nullable=False)
    expires_at: datetime | None = _moment()
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    leased_until: datetime | None = _moment()
    leased_by: str | None = Field(default=None, sa_column=Column(String))
    dead_at: datetime | None = _moment()
    error: str | None = None


class DutyRow(SQLModel, table=True):
    """What one process at a time does for all: who holds it, and until when."""

    __tablename__ = "duty"

    name: str = Field(primary_key=True)
    holder: str
    until: datetime = _moment(nullable=False)


class PurgeRow(SQLModel, table=True):
    """A job whose prompts, headers and bytes are not kept any more: since when, how many files went, and why.

    `pending` names the files that are still to go; None when all is done.
    """

    __tablename__ = "purge"
    __table_args__ = (Index("ix_purge_pending", "job_id", sqlite_where=PENDING, postgresql_where=PENDING),)

    job_id: str = Field(primary_key=True)
    purged_at: datetime = _moment(nullable=False)
    files: int
    why: str
    pending: str | None = None


job = JobRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it at class creation
delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
key = KeyRow.__table__  # type: ignore[attr-defined]
event = EventRow.__table__  # type: ignore[attr-defined]
image = ImageRow.__table__  # type: ignore[attr-defined]
task = TaskRow.__table__  # type: ignore[attr-defined]
duty = DutyRow.__table__  # type: ignore[attr-defined]
purge = PurgeRow.__table__  # type: ignore[attr-defined]
