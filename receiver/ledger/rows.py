"""The two small moves that every fact is made of: read one row (locking it), insert one that may be there."""

from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert unless the primary key is there already. True when it was new: duplicates die on the constraint."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing()).rowcount == 1


def one(connection: Connection, table: Table, *, lock: bool = False, **where: object) -> dict[str, Any] | None:
    """The row whose columns equal `where`, or None. `lock` holds it until COMMIT (SQLite's writer holds all)."""
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    found = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return dict(found) if found else None
