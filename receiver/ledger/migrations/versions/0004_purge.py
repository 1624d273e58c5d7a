"""Purges: which jobs' prompts and bytes are not kept any more; and the index that finds who else needs a body's file

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

PENDING = sa.text("pending IS NOT NULL")
SPILLED = sa.text("body IS NULL AND body_sha256 <> ''")


def upgrade() -> None:
    op.create_table(
        "purge",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("pending", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_index("ix_purge_pending", "purge", ["job_id"], sqlite_where=PENDING, postgresql_where=PENDING)
    op.create_index("ix_delivery_spilled", "delivery", ["body_sha256"], sqlite_where=SPILLED, postgresql_where=SPILLED)
