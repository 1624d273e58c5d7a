"""Queries that run all the time, or that people wait for, find their rows by an index, however many there are."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event

from receiver.ledger import cursors, evidence, incoming, jobs, marks, searching, sending, tables, tasks, trail, views
from receiver.ledger.ids import delivery_id
from receiver.ledger.searching import Wanted
from receiver.ledger.watch import Watch
from tests.receiver.ledger.ledgers import NOW, REQUEST, acknowledged, opening

UNTIL = NOW + tasks.LEASE
DAY = timedelta(days=1)
TABLES = {"job", "delivery", "event", "task", "image", "trail"}
QUERIES: dict[str, Callable[[Connection], Any]] = {
    "due": lambda connection: tasks.is_due(connection, NOW),
    "lease": lambda connection: tasks.lease(connection, "w", NOW, UNTIL, 8),
    "renew": lambda connection: tasks.renew(
        connection, "w", [tasks.Task("j", "0", "fal", None, None, None, 1, None)], UNTIL
    ),
    "chores": lambda connection: jobs.chores(connection, NOW),
    "questions": lambda connection: jobs.questions(connection, NOW, 20),
    "unsent": lambda connection: sending.unsent(connection, NOW, 20),
    "late": lambda connection: jobs.late(connection, NOW),
    "expire": lambda connection: jobs.expire(connection, ["j"], NOW),
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
    "detail": lambda connection: incoming.detail(connection, _delivery(connection)),
    "mark of a job": lambda connection: marks.marks(connection, [jobs.open_job(connection, opening("j2"))[0]]),
    "present": lambda connection: Watch().look(connection, NOW),
}
CURSOR = cursors.of_job(cursors.Position(NOW, "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12))
BEHIND = cursors.of_delivery("f" * 8 + "-ffff-ffff-ffff-" + "f" * 12)
PAGES: dict[str, Callable[[Connection], Any]] = {
    "jobs": lambda connection: searching.search(connection, Wanted(), CURSOR),
    "by provider": lambda connection: searching.search(connection, Wanted(provider="fal"), CURSOR),
    "by status": lambda connection: searching.search(connection, Wanted(status="failed", since=NOW - DAY), CURSOR),
    "by both": lambda connection: searching.search(connection, Wanted(provider="fal", status="failed"), CURSOR),
    "by tag": lambda connection: searching.search(connection, Wanted(tag="a=b", until=NOW), CURSOR),
    "by words": lambda connection: searching.search(connection, Wanted(text="no such words"), CURSOR),
    "by verdict": lambda connection: searching.search(connection, Wanted(verdict="verified"), CURSOR),
    "by refusal": lambda connection: searching.search(connection, Wanted(verdict="refused"), CURSOR),
    "by request id": lambda connection: searching.search(connection, Wanted(text=REQUEST[:9]), CURSOR),
    "by id": lambda connection: searching.search(connection, Wanted(text="ffffffff-ffff-4fff"), CURSOR),
    "deliveries": lambda connection: incoming.came_in(connection, cursor=BEHIND),
    "deliveries by provider": lambda connection: incoming.came_in(connection, provider="fal", cursor=BEHIND),
    "deliveries refused": lambda connection: incoming.came_in(connection, verdict="refused", cursor=BEHIND),
    "deliveries refused so": lambda connection: incoming.came_in(connection, "fal", "malformed", cursor=BEHIND),
    "deliveries let in": lambda connection: incoming.came_in(connection, verdict="unsigned", cursor=BEHIND),
}
"""Pages, as they are read when there is more than fits on one."""


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


def _is_scan(step: str) -> bool:
    """Whether a table that grows is read from end to end."""
    return ("Seq Scan" in step or (step.startswith("SCAN") and "USING" not in step)) and bool(
        TABLES & set(step.split())
    )


def _delivery(connection: Connection) -> str:
    """The id of a refused delivery; the indexes of what is rare are read only where something is in them."""
    facts = {
        "provider": "fal",
        "job_id": "j",
        "kind": "hook",
        "verdict": "malformed",
        "body_sha256": "",
        "headers": b"",
    }
    name = delivery_id(NOW)
    row = facts | {"id": name, "received_at": NOW, "body_bytes": 0, "repeats": 0}
    connection.execute(tables.delivery.insert().values(row))
    return name


def test_pages_come_out_of_an_index_in_their_order(connection: Connection) -> None:
    """No page is sorted out of more rows than it shows (or are few and named), no table read from end to end, and
    none joined to another: the server might read all of that one first.
    """
    jobs.open_job(connection, opening("f" * 8 + "-ffff-4fff-8fff-" + "e" * 12))
    jobs.noted(connection, "f" * 8 + "-ffff-4fff-8fff-" + "e" * 12, acknowledged(), NOW)
    _delivery(connection)
    if connection.dialect.name == "postgresql":  # what it can do without, on tables of any size
        for way in ("seqscan", "sort", "bitmapscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    wrong = {
        name: [
            step
            for statement, parameters in _said(connection, query)
            for step in _plan(connection, statement, parameters)
            if _is_scan(step)
            or ("id IN (" not in statement and any(word in step for word in ("Sort", "Join", "FOR ORDER BY")))
        ]
        for name, query in PAGES.items()
    }

    assert not any(wrong.values()), wrong


def test_counts_read_an_index_alone(connection: Connection) -> None:
    """What is counted for a page of the present, or to see whether few were refused, reads no row of a table."""
    _delivery(connection)
    if connection.dialect.name == "postgresql":
        for way in ("seqscan", "bitmapscan", "indexscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    counts = [
        (statement, parameters)
        for query in (lambda each: Watch().look(each, NOW), PAGES["by refusal"])
        for statement, parameters in _said(connection, query)
        if "count(" in statement
    ]
    steps = [step for said in counts for step in _plan(connection, *said) if " USING " in step or " using " in step]

    assert len(counts) >= len(("delivered", "failed", "expired", "refused", "minutes", "few"))
    assert [step for step in steps if "COVERING INDEX" not in step and "Index Only Scan" not in step] == []


def test_every_query_has_its_index(connection: Connection) -> None:
    """No table that grows is read from end to end."""
    if connection.dialect.name == "postgresql":  # small tables are scanned, whatever there is
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    scans: dict[str, list[str]] = {}
    for name, query in QUERIES.items():
        steps = [step for said in _said(connection, query) for step in _plan(connection, *said)]
        scans[name] = [step for step in steps if _is_scan(step)]

    assert not any(scans.values()), scans
