"""Every column of every table is edited past our code: `verify` names the row, operational columns aside."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary
from sqlmodel import SQLModel

from receiver.audit.findings import WORDS, Finding
from receiver.ledger.names import apart
from tests.receiver.audit.editing import Row
from tests.receiver.audit.operational import OPERATIONAL
from tests.receiver.audit.scene import Scene

EVIDENCE = Path(__file__).parents[3] / "docs" / "evidence.md"
TABLES = SQLModel.metadata.tables
COLUMNS = [(table.name, column.name) for table in TABLES.values() for column in table.columns]


def names(scene: Scene, table: str, row: Row) -> set[str]:
    """What a finding may call the row."""
    if table == "unsealed":
        return {f"{row['kind']} {ref}" for ref in apart(row["ref"])} | {"unsealed"}
    if table == "tile":
        level, n = row["level"], row["n"]
        return {f"tile {level}/{n}", *(f"trail {n * 256 + each}" for each in range(256 if level == 0 else 0))}
    if table in {"trail", "checkpoint", "signer"}:
        return {f"{table} {row['n']}"}
    ref = "/".join(str(row[key]) for key in scene.edit.keys(table))
    kinds = {"job": ("order", "end")}.get(table, (table,))
    return {f"{kind} {ref}" for kind in kinds}


def named(findings: Iterable[Finding], wanted: set[str]) -> bool:
    """Whether one of them is about the row."""
    return any(each.where in wanted and each.what in WORDS for each in findings)


def chosen(scene: Scene, table: str, column: str) -> Row:
    """A row in the middle of those that have a value there."""
    rows = [row for row in scene.settled[table] if row[column] is not None] or scene.settled[table]
    return rows[len(rows) // 2]


async def expect(scene: Scene, table: str, column: str, row: Row) -> None:
    found = (await scene.check()).findings
    if (table, column) in OPERATIONAL:
        assert found == []
    else:
        assert named(found, names(scene, table, row)), found


async def test_the_ledger_verifies_as_it_was_sealed(scene: Scene) -> None:
    """Before anybody edits it nothing is found, files and all, and everything was looked at."""
    report = await scene.check(deep=True)
    assert report.findings == []
    kinds = ("order", "delivery", "key", "event", "image", "end", "stamp")
    trail = ("tiles", "checkpoints", "timestamps")
    looked = (*(f"{kind} rows" for kind in kinds), *trail, "signatures", "bodies", "images")
    assert all(report.checked[what] > 1 for what in looked)
    assert report.checked["files rehashed"] == len({row["sha256"] for row in scene.settled["image"]})


@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_a_byte_is_flipped(scene: Scene, table: str, column: str) -> None:
    """One byte of one value, in any column."""
    row = chosen(scene, table, column)
    scene.edit.set(table, row, **{column: scene.edit.flipped(table, column, row[column])})
    await expect(scene, table, column, row)


@pytest.mark.parametrize("sealed", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, column in COLUMNS if TABLES[table].c[column].nullable]
)
async def test_a_value_is_taken_out(scene: Scene, table: str, column: str) -> None:
    """A value becomes nothing, wherever there may be nothing."""
    row = chosen(scene, table, column)
    if row[column] is None:
        pytest.skip("no row has a value there")
    scene.edit.set(table, row, **{column: None})
    await expect(scene, table, column, row)


@pytest.mark.parametrize("sealed", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_a_value_becomes_one_of_another_type(scene: Scene, table: str, column: str) -> None:
    """SQLite keeps anything anywhere: bytes for text, text for bytes, and bytes that are no text called text."""
    row, kind = chosen(scene, table, column), TABLES[table].c[column].type
    value = row[column]
    if isinstance(kind, LargeBinary):
        scene.edit.set(table, row, **{column: (value or b"x").hex()})
    elif kind.python_type is int and TABLES[table].c[column].primary_key and table != "tile":
        pytest.skip("SQLite's own row numbers take nothing but whole numbers")
    else:
        scene.edit.set(table, row, **{column: str(value).encode()})
    await expect(scene, table, column, row)


@pytest.mark.parametrize("sealed", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("table", "column"),
    [(table, column) for table, column in COLUMNS if TABLES[table].c[column].type.python_type is str],
)
async def test_text_becomes_none(scene: Scene, table: str, column: str) -> None:
    """Text that is no UTF-8, with control characters in it: named in one line, and no traceback."""
    row = chosen(scene, table, column)
    keys = scene.edit.keys(table)
    which = " AND ".join(f'"{key}" = ?' for key in keys)
    statement = f"""UPDATE "{table}" SET "{column}" = CAST(x'1b0aff' || "{column}" AS TEXT) WHERE {which}"""  # noqa: S608  our own names
    scene.edit.run(statement, [row[key] for key in keys], table)
    await expect(scene, table, column, row)


def test_the_document_lists_the_operational_columns() -> None:
    """docs/evidence.md gives exactly these columns, each with its reason; no other is left aside."""
    told = re.findall(r"^\| `([a-z]+)\.([a-z_0-9]+)` \| (.+) \|$", EVIDENCE.read_text(), re.MULTILINE)
    assert {(table, column): reason for table, column, reason in told} == OPERATIONAL
    assert set(OPERATIONAL) < set(COLUMNS)
