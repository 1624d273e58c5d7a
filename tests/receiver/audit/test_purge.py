"""The process that purges: daily, one at a time, and what another left unfinished first."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.audit import purge
from receiver.audit.purge import Purger
from receiver.audit.seal import open_sealer
from receiver.ledger import tables
from receiver.ledger.ledger import Ledger
from receiver.storage import Memory
from receiver.wire.types import Failure
from tests.receiver.house import Clock, configured
from tests.receiver.ledger.ledgers import opened, rows

NOW = datetime.now(UTC)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    made = Ledger(configured(tmp_path).database_url)
    yield made
    made.close()


async def failed(ledger: Ledger, at: datetime) -> str:
    job_id = await opened(ledger, created_at=at)
    await ledger.failed(job_id, Failure("boom", "it went boom"), at)
    return job_id


async def until(ledger: Ledger, **pending: object) -> None:
    async with asyncio.timeout(10):
        while not rows(ledger, tables.purge, **pending):
            await asyncio.sleep(0.01)


async def test_it_purges_daily_when_asked_to(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due is written down at once, done when it is sealed, and what gets due later waits for the next day."""
    monkeypatch.setattr(purge, "PAUSE", 0.01)
    clock, stop = Clock(NOW), asyncio.Event()
    first, second = [await failed(ledger, NOW - timedelta(days=days)) for days in (31, 29.9)]
    sealer = open_sealer(ledger, configured(tmp_path), clock)
    running = asyncio.create_task(Purger(ledger, Memory(), clock).run(stop, 30))

    await until(ledger, job_id=first, pending="")
    await sealer.work()
    await until(ledger, job_id=first, pending=None)
    assert rows(ledger, tables.job, id=first)[0]["order_json"] == {}

    clock.ahead(hours=23)
    await asyncio.sleep(0.05)
    assert rows(ledger, tables.purge, job_id=second) == []
    clock.ahead(hours=2)
    await until(ledger, job_id=second)
    stop.set()
    await running
    assert [row["why"] for row in rows(ledger, tables.purge)] == ["RETENTION_DAYS=30"] * 2


async def test_without_a_limit_it_only_finishes(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is purged by itself; what `proofhook purge` began and could not finish is finished."""
    monkeypatch.setattr(purge, "PAUSE", 0.01)
    clock, stop = Clock(NOW), asyncio.Event()
    begun, left = [await failed(ledger, NOW - timedelta(days=99)) for _ in range(2)]
    purger = Purger(ledger, Memory(), clock)
    await purger.begin(await purger.named([begun]), "by hand")
    await open_sealer(ledger, configured(tmp_path), clock).work()
    assert await purger.left()
    running = asyncio.create_task(purger.run(stop, None))
    await until(ledger, job_id=begun, pending=None)
    stop.set()
    await running
    assert not await purger.left()
    assert rows(ledger, tables.purge, job_id=left) == []
