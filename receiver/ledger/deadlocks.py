"""Deadlocks: processes take rows in one order, so that they stand in no ring; whom a server ends is run again.

The order is: jobs, by their ids, then what hangs on them. Whoever changes rows of several jobs holds the jobs first,
and so does a batch of several facts. Who takes rows with SKIP LOCKED waits for nobody, and needs no order.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
VICTIM = frozenset({"40P01", "40001"})
"""deadlock_detected and serialization_failure (PostgreSQL, appendix A): all was undone, and may be done again."""
TRIES = 4
"""How often it is done at most: the server needs a second each time to see a ring."""


def hold(connection: "Connection", job_ids: Iterable[str]) -> None:
    """Take these jobs, in the order in which everybody does. A file's only writer holds all of them anyway."""
    if connection.dialect.name == "postgresql" and (names := sorted(set(job_ids))):
        query = "SELECT FROM job WHERE id = ANY(%(names)s) ORDER BY id FOR UPDATE"
        connection.exec_driver_sql(query, {"names": names})


def again(run: Callable[[], T]) -> T:
    """What `run` gives. Where a server ended it for the sake of others, it is run again; raises what it raises."""
    for _ in range(TRIES - 1):
        try:
            return run()
        except Exception as error:
            if not is_victim(error):
                raise
    return run()


def is_victim(error: BaseException) -> bool:
    """Whether the server ended a transaction so that others can go on."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) in VICTIM
