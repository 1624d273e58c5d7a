"""Every order of a set of moves, played on real rows: what a job comes to must not depend on the order.

A tree of savepoints: each edge is one move. Two orders that meet in one and the same state, with the same moves
left, have one future, so only one of them goes on; every row and every column (times, too) is in that comparison.
"""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from receiver.ledger import jobs, tables, tasks
from receiver.ledger.arrivals import Arrival
from receiver.ledger.books import SqliteBooks, record_all
from receiver.ledger.pg_books import PostgresBooks
from receiver.wire.orders import Acknowledged
from tests.receiver.ledger import ledgers

Move = Callable[[Connection], None]
State = tuple[Any, ...]

BY_CHANCE = {"arrived_by", "staged_by", "n"}
"""Which way was quicker, and which result came first where nothing numbers them, is for the order to say."""


def hears(arrival: Arrival) -> Move:
    def move(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        books = SqliteBooks(driver) if isinstance(driver, sqlite3.Connection) else PostgresBooks(driver)
        (heard,) = record_all(books, [arrival])
        assert heard.refusal is None

    return move


def notes(job_id: str, said: Acknowledged) -> Move:
    def move(connection: Connection) -> None:
        assert jobs.noted(connection, job_id, said, ledgers.NOW)

    return move


def expires(connection: Connection) -> None:
    jobs.expire(connection, jobs.late(connection, ledgers.LATER), ledgers.LATER)


def stores(connection: Connection) -> None:
    """The worker: whatever is there to collect is stored."""
    for task in tasks.lease(connection, "worker", ledgers.LATER, ledgers.LATER, 100):
        tasks.stored(connection, task, ledgers.collected(task.image_key.encode()), ledgers.NOW)


def stores_one(connection: Connection) -> None:
    """The worker, interrupted after the first image."""
    for task in tasks.lease(connection, "worker", ledgers.LATER, ledgers.LATER, 1):
        tasks.stored(connection, task, ledgers.collected(task.image_key.encode()), ledgers.NOW)


def play(connection: Connection, moves: Mapping[str, Move]) -> dict[State, tuple[str, ...]]:
    """Every end that some order of the moves leads to, with one such order. The worker always has the last word."""
    seen: set[State] = set()
    ends: dict[State, tuple[str, ...]] = {}

    def go(left: frozenset[str], way: tuple[str, ...]) -> None:
        here = (left, _everything(connection))
        if here in seen:
            return
        seen.add(here)
        if not left:
            stores(connection)
            ends.setdefault(_end(connection), way)
        for name in sorted(left):
            step = connection.begin_nested()
            moves[name](connection)
            go(left - {name}, (*way, name))
            step.rollback()

    go(frozenset(moves), ())
    return ends


def _all_of(table: Table) -> str:
    columns = ", ".join(column.name for column in table.columns if column.name != "delivery_id")
    return f"SELECT {columns} FROM {table.name} ORDER BY {', '.join(table.primary_key.columns.keys())}"  # noqa: S608


EVERYTHING = [_all_of(table) for table in (tables.job, tables.image, tables.task, tables.event)]


def _everything(connection: Connection) -> State:
    """Every row as its driver gives it: this is read at each step of each order."""
    return tuple(repr(connection.exec_driver_sql(query).fetchall()) for query in EVERYTHING)


def _end(connection: Connection) -> State:
    """Job and images without times (but whether there is one), that no task is left, and how many deliveries came."""
    [job] = _rows(connection, tables.job)
    images = tuple(_frozen(_timeless(row), BY_CHANCE) for row in _rows(connection, tables.image))
    came = connection.execute(select(func.sum(tables.delivery.c.repeats + 1))).scalar()
    return (_frozen(_timeless(job), set()), images, len(_rows(connection, tables.task)), came)


def _rows(connection: Connection, table: Any) -> list[dict[str, Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: "at" if isinstance(value, datetime) else value for name, value in row.items()}


def _frozen(row: dict[str, Any], without: set[str]) -> State:
    return tuple((name, repr(value)) for name, value in row.items() if name not in without)


def told(end: State) -> dict[str, str]:
    """The job's row of an end, as `repr`s by column."""
    return dict(end[0])
