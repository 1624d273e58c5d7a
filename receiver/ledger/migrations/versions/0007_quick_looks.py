"""Quick looks: jobs by their request id, and deliveries that came again

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

MADE: tuple[tuple[str, str, list[str], str, dict[str, str]], ...] = (
    ("ix_job_request", "job", ["request_id"], "request_id IS NOT NULL", {"request_id": "text_pattern_ops"}),
    ("ix_delivery_again", "delivery", ["id", "repeats"], "repeats > 0", {}),
)


def upgrade() -> None:
    for name, table, columns, rows, ops in MADE:
        where = sa.text(rows)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where, postgresql_ops=ops)
