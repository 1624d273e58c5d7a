"""A server that goes away and comes back: LedgerBusy meanwhile, nothing hangs, and no restart is needed."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from receiver.errors import LedgerBusy, Misconfigured
from receiver.ledger.database import address, connect, server_parameters
from receiver.ledger.ledger import Ledger
from receiver.ledger.schema import check_schema, migrate
from tests import postgres
from tests.postgres import Server
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, arrival, image, opened, success

NOBODY = "postgresql://user:the-password@127.0.0.1:9/ledger"
"""The discard port: nothing listens there."""


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[Ledger]:
    made = Ledger(postgres_url)
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """One of its own, to stop."""
    if reason := postgres.missing():
        pytest.skip(reason)
    made = postgres.started()
    yield made
    postgres.end(made)


async def test_connections_that_were_cut_are_made_anew(postgres_url: str, ledger: Ledger) -> None:
    """A server that restarted costs at most a LedgerBusy: reading and writing go on by themselves."""
    job_id = await opened(ledger)
    await asyncio.gather(*(ledger.job(job_id) for _ in range(8)))
    ledgers.cut_off(postgres_url)

    assert (await ledgers.patiently(lambda: ledger.job(job_id))).id == job_id
    heard = await ledgers.patiently(lambda: ledger.record(arrival(job_id, success(image()))))
    assert heard.refusal is None
    assert (await ledger.job(job_id)).status == "succeeded"


async def test_a_server_away_is_busy_and_back_without_a_restart(server: Server) -> None:
    """Every door says LedgerBusy at once while the server is down, and the same ledger works when it is up."""
    migrate(server.url())
    ledger = Ledger(server.url())
    try:
        job_id = await opened(ledger)
        server.stop()
        began = time.monotonic()
        for ask in (
            ledger.ready,
            lambda: ledger.job(job_id),
            lambda: opened(ledger),
            lambda: ledger.record(arrival(job_id, success(image()))),
        ):
            with pytest.raises(LedgerBusy):
                await ask()
        assert time.monotonic() - began < 10
        server.start()

        assert (await ledgers.patiently(lambda: ledger.job(job_id))).status == "pending"
        await ledgers.patiently(lambda: ledger.record(arrival(job_id, success(image()))))
        assert (await ledger.job(job_id)).status == "succeeded"
    finally:
        ledger.close()


async def test_closing_without_a_server_ends(server: Server) -> None:
    """A ledger whose server is gone closes in moments, though facts wait."""
    migrate(server.url())
    ledger = Ledger(server.url())
    job_id = await opened(ledger)
    server.stop()
    waiting = [asyncio.create_task(ledger.called(job_id, NOW)) for _ in range(300)]
    await asyncio.sleep(0)
    began = time.monotonic()

    await asyncio.to_thread(ledger.close)

    assert time.monotonic() - began < 10
    said = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in said} == {LedgerBusy}


async def test_a_lock_is_not_waited_for_for_ever(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody holds a row: after the lock's timeout it is LedgerBusy."""
    monkeypatch.setattr("receiver.ledger.database.SESSION", ("lock_timeout=100",))
    ledger, other = Ledger(postgres_url), connect(postgres_url, write=True)
    try:
        job_id = await opened(ledger)
        with other.begin() as holding:
            holding.exec_driver_sql("SELECT 1 FROM job FOR UPDATE")
            with pytest.raises(LedgerBusy):
                await ledger.noted(job_id, ledgers.acknowledged(), NOW)
        assert await ledger.noted(job_id, ledgers.acknowledged(), NOW)
    finally:
        ledger.close()
        other.dispose()


@pytest.mark.parametrize("use", [Ledger, check_schema, migrate])
def test_a_missing_server_is_named_without_the_password(use: Any) -> None:
    """At a start it is Misconfigured: one line that names the setting and the reason, and no secret."""
    with pytest.raises(Misconfigured) as caught:
        use(NOBODY)

    said = str(caught.value)
    assert said.startswith("DATABASE_URL: the ")
    assert "refused" in said
    assert "the-password" not in said
    assert "\n" not in said


def test_what_the_server_promises_is_kept(postgres_url: str) -> None:
    """`synchronous_commit` is as the server has it; nothing is waited for without end, nor compiled; times are UTC."""
    engine = connect(postgres_url, write=True)
    names = ("synchronous_commit", "statement_timeout", "lock_timeout", "TimeZone", "transaction_isolation", "jit")
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    engine.dispose()

    assert found == ["on", "10s", "5s", "UTC", "read committed", "off"]


def test_the_urls_own_options_are_kept() -> None:
    """What a platform's URL says about the connection holds, and wins over our bounds."""
    url = "postgres://u:p%40ss@h:5433/d?sslmode=require&connect_timeout=2&options=-c%20lock_timeout%3D1"

    said = server_parameters(url)

    assert (said["host"], said["port"], said["user"], said["password"], said["dbname"]) == (
        "h", 5433, "u", "p@ss", "d",
    )  # fmt: skip
    assert (said["sslmode"], int(said["connect_timeout"])) == ("require", 2)
    assert said["options"].endswith("-c lock_timeout=1")
    assert address(url).query["sslmode"] == "require"
