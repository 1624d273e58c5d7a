"""Folding SQLite's log back into the file, beside those who write."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing
from pathlib import Path

import pytest

from receiver.ledger import folding
from receiver.ledger.folding import Folding
from receiver.ledger.pragmas import apply
from receiver.ledger.turns import Turns


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        apply(db, 1000)
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("CREATE TABLE t (v BLOB)")
        yield db


def _write(db: sqlite3.Connection, rows: int = 50) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO t VALUES (?)", [(b"x" * 4000,)] * rows)
    db.execute("COMMIT")


def _log(file: Path) -> int:
    return file.with_name(f"{file.name}-wal").stat().st_size


def _fold(one: Folding) -> None:
    """Tell it of as much as makes it fold, and wait until it has."""
    one.wrote(folding.PAGES)
    assert one._under_way is not None
    wait([one._under_way], 10)


def test_the_log_begins_anew(file: Path, writer: sqlite3.Connection) -> None:
    """What was folded makes room: the log of a ledger that is written to all the time does not grow."""
    one = Folding(file)
    _write(writer)
    _fold(one)
    before = _log(file)
    for _ in range(5):
        _write(writer)
        _fold(one)
    assert _log(file) == before
    one.close()


def test_a_little_is_left_alone(file: Path, writer: sqlite3.Connection) -> None:
    """Each fold waits for the disk twice: it is done for many batches together."""
    one = Folding(file)
    for _ in range(folding.PAGES // (folding.PAGES_A_BATCH + 64) - 1):
        one.wrote(64)
    assert one._under_way is None
    one.close()


def test_it_ends_in_a_turn_of_its_own(file: Path, writer: sqlite3.Connection) -> None:
    """The last of the log is copied while nobody writes; until the turn comes, whoever has it is not disturbed."""
    one, other = Folding(file), Turns(file)
    _write(writer)
    with other.mine():
        one.wrote(folding.PAGES)
        assert one._under_way is not None
        wait([one._under_way], 0.2)
        assert not one._under_way.done()
        _write(writer)
    wait([one._under_way], 10)
    before = _log(file)
    _write(writer, 20)
    assert _log(file) == before
    one.close()
    other.close()


def test_a_reader_keeps_what_it_sees(file: Path, writer: sqlite3.Connection) -> None:
    """A reader in the middle of its look is neither waited for nor disturbed."""
    one = Folding(file)
    _write(writer)
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (50,)
        _write(writer)
        _fold(one)
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (50,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (100,)
    one.close()


def test_a_file_that_cannot_be_opened_stops_nobody(tmp_path: Path) -> None:
    """The log then only stays longer: batches go on, and the next fold tries again."""
    one = Folding(tmp_path / "missing" / "ledger.db")
    one._turns.close()
    for _ in range(2):
        _fold(one)
        assert one._under_way is not None
        assert one._under_way.exception() is None
    one.close()


def test_a_process_that_ends_folds_no_more(file: Path, writer: sqlite3.Connection) -> None:
    """A batch that is committed stays good, whatever becomes of the fold after it."""
    one = Folding(file)
    one.close()
    one.wrote(folding.PAGES)
    assert one._under_way is None
