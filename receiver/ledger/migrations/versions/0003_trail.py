"""The trail: what waits to be sealed, the sealed entries, the tree's tiles, checkpoints and their keys

Revision ID: 0003
Revises: 0002

What is in the ledger already is put in the queue, oldest first, so that the first seal covers it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")
WAITING = (
    "SELECT 'order', id FROM job ORDER BY created_at, id",
    "SELECT 'delivery', id FROM delivery ORDER BY received_at, id",
    "SELECT 'image', job_id || '/' || key FROM image WHERE sha256 IS NOT NULL ORDER BY stored_at, job_id, key",
    "SELECT 'end', id FROM job WHERE standing >= 30 ORDER BY created_at, id",
)


def upgrade() -> None:
    _queue()
    _tree()
    _signed()
    for rows in WAITING:
        op.execute(f"INSERT INTO unsealed (kind, ref) {rows}")


def _queue() -> None:
    op.create_table(
        "unsealed",
        sa.Column("n", COUNTED, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_autoincrement=True,
    )


def _tree() -> None:
    op.create_table(
        "trail",
        sa.Column("n", COUNTED, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("ix_trail_ref", "trail", ["kind", "ref"])
    op.create_table(
        "tile",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n"),
    )


def _signed() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("n", COUNTED, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "signer",
        sa.Column("n", COUNTED, nullable=False),
        sa.Column("vkey", sa.String(), nullable=False),
        sa.Column("vouched", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("n"),
        sqlite_autoincrement=True,
    )
