"""Rows by their names, however many: all names are one parameter, and the text of the query never changes.

So SQLAlchemy makes the text once and not for every batch, and the driver has the statement prepared already. The sealer
asks a dozen such questions for each batch.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Select, TextClause, text
from sqlalchemy.dialects import postgresql, sqlite

_SQLITE: Dialect = sqlite.dialect(paramstyle="named")
_POSTGRES: Dialect = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
Query = Select[Any] | Delete


class Among:
    """A query by names. `build` makes it: given whether the database is a file, and the condition to put in."""

    def __init__(self, column: str, build: Callable[[bool, TextClause], Query]) -> None:
        self._column, self._build = column, build
        self._texts: dict[bool, str] = {}

    def run(self, connection: Connection, names: Sequence[Any], **more: Any) -> CursorResult[Any]:
        """Rows as the driver has them; `more` are other parameters of the query."""
        file = connection.dialect.name == "sqlite"
        if file not in self._texts:
            self._texts[file] = self._text(file)
        given = {"names": json.dumps(names) if file else list(names), **more}
        return connection.exec_driver_sql(self._texts[file], given)

    def rows(self, connection: Connection, names: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The same as plain tuples, all of them: SQLAlchemy's own rows cost a tenth of sealing."""
        with self.run(connection, names) as found:
            return found.cursor.fetchall() if found.cursor is not None else ()

    def _text(self, file: bool) -> str:
        listed = "IN (SELECT value FROM json_each(:names))" if file else "= ANY(:names)"
        return str(self._build(file, text(f"{self._column} {listed}")).compile(dialect=_SQLITE if file else _POSTGRES))
