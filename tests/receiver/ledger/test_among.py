"""Names as one parameter: whatever a name is, it finds its row and no other."""

import pytest
from sqlalchemy import Connection

from receiver.ledger import trail
from receiver.ledger.trail_tables import trail as entries
from receiver.ledger.trail_tables import unsealed

NAMES = [
    "plain",
    "é ✓ 🍩",
    "quo'te",
    'dou"ble',
    "back\\slash",
    "per%cent %s :names ?",
    "line\nend",
    "[1]",
    "null",
    "0",
    "",
]


def _leaf(n: int, ref: str, entry: bytes) -> dict[str, object]:
    return {"n": n, "kind": "order", "ref": ref, "salt": b"", "entry": entry, "hash": b""}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_finds_its_row(connection: Connection, name: str) -> None:
    """And its last entry where there are several, in whatever order they are asked for."""
    connection.execute(entries.insert(), [_leaf(n, ref, b"old") for n, ref in enumerate(NAMES)])
    connection.execute(entries.insert(), [_leaf(len(NAMES), name, b"new")])
    assert trail.latest(connection, "order", [name, "there is none"]) == {name: (b"", b"new")}
    assert trail.latest(connection, "end", [name]) == {}
    old = dict.fromkeys(NAMES, (b"", b"old"))
    assert trail.latest(connection, "order", []) == {}
    assert trail.latest(connection, "order", NAMES[::-1]) == old | {name: (b"", b"new")}


def test_numbers_are_found_as_well(connection: Connection) -> None:
    """The queue is rid of what was taken, small and large numbers alike, and of nothing else."""
    numbers = [1, 2, 300, 70_000, 2**40]
    connection.execute(unsealed.insert(), [{"n": n, "kind": "order", "ref": "a"} for n in numbers])
    trail.append(connection, 0, [], [], [1, 70_000, 2**40])
    assert [row.n for row in connection.execute(unsealed.select().order_by(unsealed.c.n))] == [2, 300]
