"""Turns at a SQLite file: one at a time, and nobody waits for ever."""

import threading
from pathlib import Path

import pytest

from receiver.ledger import turns
from receiver.ledger.turns import Turns


def test_one_at_a_time(tmp_path: Path) -> None:
    """While one has its turn another waits; it comes to its turn when the first is done."""
    first, second, order = Turns(tmp_path / "a.db"), Turns(tmp_path / "a.db"), []

    def later() -> None:
        with second.mine():
            order.append("second")

    with first.mine():
        waiting = threading.Thread(target=later)
        waiting.start()
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
    first.close()
    second.close()


def test_a_frozen_holder_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the file for too long is not waited for: the database's own lock protects the rows."""
    monkeypatch.setattr(turns, "LONGEST", 0.01)
    frozen, other = Turns(tmp_path / "a.db"), Turns(tmp_path / "a.db")
    with frozen.mine():
        with other.mine():
            pass
        with Turns(tmp_path / "b.db").mine():
            pass
    frozen.close()
    other.close()
    other.close()


def test_a_turn_ends_with_an_error(tmp_path: Path) -> None:
    """Whatever happens in a turn, the next one comes."""
    first, second = Turns(tmp_path / "a.db"), Turns(tmp_path / "a.db")
    with pytest.raises(ValueError, match="in the turn"), first.mine():
        raise ValueError("in the turn")
    with second.mine():
        pass
    first.close()
    second.close()
