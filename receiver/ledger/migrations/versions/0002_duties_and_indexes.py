"""Duties, and indexes that stay quick with ten million deliveries

Revision ID: 0002
Revises: 0001

What is gone was in the way of the hot path and asked for by no query. Every step may find its work done.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

GONE = {
    "delivery": ("ix_delivery_received_at", "ix_delivery_verdict", "ix_delivery_refused"),
    "event": ("ix_event_delivery_id",),
    "image": ("ix_image_sha256",),
    "job": ("ix_job_ask_at", "ix_job_created_at", "ix_job_deadline_at", "ix_job_provider_request", "ix_job_status"),
}
MADE = (
    ("ix_delivery_rare", "delivery", ["verdict", "id"], "verdict NOT IN ('verified', 'unsigned')"),
    ("ix_image_sha256", "image", ["sha256"], "sha256 IS NOT NULL"),
    ("ix_job_ask", "job", ["ask_at"], "ask_at IS NOT NULL"),
    ("ix_job_created", "job", ["created_at", "id"], None),
    ("ix_job_open", "job", ["deadline_at"], "standing < 30"),
    ("ix_job_provider_created", "job", ["provider", "created_at", "id"], None),
    ("ix_job_status_created", "job", ["status", "created_at", "id"], None),
)


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    for table, names in GONE.items():
        for name in names:
            op.drop_index(name, table, if_exists=True)
    for name, table, columns, rows in MADE:
        where = sa.text(rows) if rows else None
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
