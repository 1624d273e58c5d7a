"""Somebody with the database's password: edits of single values and rows, past all of our code, and undone again."""

# ruff: noqa: S608  the names are our own

import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import JSON, Column, LargeBinary, Table
from sqlmodel import SQLModel

from receiver.ledger import tables, trail_tables  # noqa: F401  their models are to be known
from receiver.ledger.glance import sqlite_file
from receiver.ledger.tables import Moment

Row = dict[str, Any]
_fresh = itertools.count(1_000_001)


class Editor:
    """One connection of a stranger's; every edit is committed, and `undo` brings back what `keep` saw."""

    mark = "?"

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.tables: Mapping[str, Table] = SQLModel.metadata.tables
        self._kept: dict[str, list[Row]] = {}
        self._touched: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    close = __exit__

    def keep(self) -> None:
        """Remember every row as it is."""
        self._kept = {name: self.rows(name) for name in self.tables}

    def undo(self) -> None:
        for name in self._touched:
            self.run(f'DELETE FROM "{name}"')
            for row in self._kept[name]:
                self.insert(name, row)
        self._touched.clear()

    def touch(self, *names: str) -> None:
        """Others are about to write in these tables: they are undone, too."""
        self._touched.update(names)

    def rows(self, table: str) -> list[Row]:
        """Every row, by its key; values as the driver has them."""
        names = [column.name for column in self.tables[table].columns]
        order = ", ".join(f'"{key}"' for key in self.keys(table))
        shown = ", ".join(f'"{name}"' for name in names)
        found = self._connection.execute(f'SELECT {shown} FROM "{table}" ORDER BY {order}').fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]

    def keys(self, table: str) -> list[str]:
        return [column.name for column in self.tables[table].primary_key.columns]

    def set(self, table: str, row: Row, **values: Any) -> None:
        """Other values in the row that has this row's key."""
        which = " AND ".join(f'"{key}" = {self.mark}' for key in self.keys(table))
        changed = ", ".join(f'"{name}" = {self.mark}' for name in values)
        given = [*values.values(), *(row[key] for key in self.keys(table))]
        assert self.run(f'UPDATE "{table}" SET {changed} WHERE {which}', given, table) == 1

    def delete(self, table: str, row: Row) -> None:
        which = " AND ".join(f'"{key}" = {self.mark}' for key in self.keys(table))
        assert self.run(f'DELETE FROM "{table}" WHERE {which}', [row[key] for key in self.keys(table)], table) == 1

    def insert(self, table: str, row: Row) -> None:
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join([self.mark] * len(row))
        self.run(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()), table)

    def run(self, statement: str, given: Any = (), table: str | None = None) -> int:
        if table is not None:
            self._touched.add(table)
        return int(self._connection.execute(statement, given).rowcount)

    def copy(self, table: str, row: Row) -> Row:
        """The same row under another key."""
        twin = dict(row)
        for key in self.keys(table)[-1:]:
            twin[key] = next(_fresh) if isinstance(row[key], int) else f"{row[key][:-1]}~"
        for column in self.tables[table].columns:
            if column.unique and not column.primary_key:
                twin[column.name] = None
        return twin

    def flipped(self, table: str, column: str, value: Any) -> Any:
        """The value with one byte changed, or as little as its type allows."""
        kind = self.tables[table].c[column]
        if value is None or value in {"", b""}:
            return _something(kind)
        if isinstance(value, bool | datetime):
            return not value if isinstance(value, bool) else value + timedelta(microseconds=1)
        if isinstance(value, int):
            return next(_fresh) if kind.primary_key else value ^ 1
        return self._bytewise(kind, value)

    def _bytewise(self, kind: Column[Any], value: Any) -> Any:
        if isinstance(value, str):
            if kind.primary_key:
                return f"{value[:-1]}~"  # no other row has that
            return value[:-1] + chr(ord(value[-1]) ^ 1)
        return value[: len(value) // 2] + bytes([value[len(value) // 2] ^ 1]) + value[len(value) // 2 + 1 :]


class ServerEditor(Editor):
    """PostgreSQL: values keep their types."""

    mark = "%s"

    def _bytewise(self, kind: Column[Any], value: Any) -> Any:
        return f"{value} " if isinstance(kind.type, JSON) else super()._bytewise(kind, value)


def _something(kind: Column[Any]) -> Any:
    if isinstance(kind.type, LargeBinary):
        return b"x"
    if isinstance(kind.type, Moment):
        return "2026-01-01 00:00:00.000000"
    return 1 if kind.type.python_type is int else "x"


def editor(database_url: str) -> Editor:
    file = sqlite_file(database_url)
    if file is not None:
        connection = sqlite3.connect(file, isolation_level=None, timeout=10)
        connection.execute("PRAGMA synchronous = OFF")
        return Editor(connection)
    import psycopg
    from psycopg.types.string import TextLoader

    server = psycopg.connect(database_url, autocommit=True)
    server.adapters.register_loader("json", TextLoader)
    return ServerEditor(server)


@contextmanager
def undone(edit: Editor) -> Iterator[Editor]:
    """What is edited in here is as before behind it."""
    try:
        yield edit
    finally:
        edit.undo()
