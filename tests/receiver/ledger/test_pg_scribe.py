"""The recorder's connection to a server: what it asks for is found by key from the first batch on."""

from typing import cast

import pytest

from receiver.ledger import pg_books
from receiver.ledger.pg_scribe import PostgresScribe
from receiver.ledger.scribes import open_scribe
from tests.receiver.ledger.ledgers import arrival, new_job_id, success

ASKED = {"events": pg_books._EVENTS, "images": pg_books._IMAGES, "tasks": pg_books._TASKS, "jobs": pg_books._JOBS}


@pytest.mark.parametrize("name", ASKED)
def test_an_empty_table_is_not_read_whole(name: str, postgres_url: str) -> None:
    """A plan that is made while a table is empty is used for minutes, while thousands of rows come in."""
    scribe = cast("PostgresScribe", open_scribe(postgres_url))
    scribe.write([arrival(new_job_id(), success())])
    assert scribe._db is not None
    rows = scribe._db.execute(f"EXPLAIN {ASKED[name]}".encode(), ([new_job_id() for _ in range(64)],)).fetchall()
    scribe.close()
    plan = "\n".join(str(row[0]) for row in rows)
    assert "Seq Scan" not in plan, plan
