"""Queries that run all the time, or that people wait for, find their rows by an index, however many there are."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event

from receiver.ledger import evidence, jobs, tasks, trail, views
from tests.receiver.ledger.ledgers import NOW

UNTIL = NOW + tasks.LEASE
TABLES = {"job", "delivery", "event", "task", "image", "trail"}
QUERIES: dict[str, Callable[[Connection], Any]] = {
    "due": lambda connection: tasks.is_due(connection, NOW),
    "lease": lambda connection: tasks.lease(connection, "w", NOW, UNTIL, 8),
    "renew": lambda connection: tasks.renew(
        connection, "w", [tasks.Task("j", "0", "fal", None, None, None, 1, None)], UNTIL
    ),
    "chores": lambda connection: jobs.chores(connection, NOW),
    "questions": lambda connection: jobs.questions(connection, NOW, 20),
    "unsent": lambda connection: jobs.unsent(connection, NOW, 20),
    "expire": lambda connection: jobs.expire(connection, NOW),
    "job": lambda connection: views.job_view(connection, "j"),
    "jobs": views.job_views,
    "jobs by status": lambda connection: views.job_views(connection, status="failed"),
    "jobs by provider": lambda connection: views.job_views(connection, provider="fal"),
    "jobs since": lambda connection: views.job_views(connection, since=NOW - timedelta(days=1)),
    "jobs before": lambda connection: views.job_views(connection, status="failed", before=(NOW, "j")),
    "deliveries": views.delivery_views,
    "deliveries refused": lambda connection: views.delivery_views(connection, verdict="bad_signature"),
    "deliveries of a job": lambda connection: views.delivery_views(connection, job_id="j"),
    "sealed before": lambda connection: trail.latest(connection, "order", ["j"]),
    "events of deliveries": lambda connection: trail.events_of(connection, ["d"]),
    "evidence": lambda connection: [evidence.read(connection, kind, ["j/e"]) for kind in evidence.KINDS.values()],
    "deliveries before": lambda connection: views.delivery_views(connection, before=(NOW, "d")),
}


def _said(connection: Connection, query: Callable[[Connection], Any]) -> list[tuple[str, Any]]:
    """The statements of a query, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    query(connection)
    event.remove(connection, "before_cursor_execute", note)
    return found


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "postgresql":
        return [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
    return [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def test_every_query_has_its_index(connection: Connection) -> None:
    """No table that grows is read from end to end."""
    if connection.dialect.name == "postgresql":  # small tables are scanned, whatever there is
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    scans: dict[str, list[str]] = {}
    for name, query in QUERIES.items():
        steps = [step for said in _said(connection, query) for step in _plan(connection, *said)]
        scans[name] = [
            step
            for step in steps
            if ("Seq Scan" in step or (step.startswith("SCAN") and "USING" not in step)) and TABLES & set(step.split())
        ]

    assert not any(scans.values()), scans
