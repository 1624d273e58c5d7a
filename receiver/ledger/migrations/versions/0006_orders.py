"""Orders from pages and programs: when whoever reconciles makes the call that nobody has made

Revision ID: 0006
Revises: 0005

A call that a submitter was about to make is not made twice by it: whoever makes it claims it first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

UNSENT = sa.text("send_at IS NOT NULL AND standing = 0")


def upgrade() -> None:
    op.add_column("job", sa.Column("send_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE job SET send_at = created_at WHERE called_at IS NULL AND standing = 0")
    op.create_index("ix_job_send", "job", ["send_at"], sqlite_where=UNSENT, postgresql_where=UNSENT)
