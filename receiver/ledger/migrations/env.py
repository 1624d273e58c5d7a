"""Alembic's entry: migrations run on the connection that `schema.migrate` hands over, in its transaction."""

from alembic import context
from sqlmodel import SQLModel

import receiver.ledger.tables  # noqa: F401  registers the tables

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
