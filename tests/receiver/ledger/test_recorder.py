"""Group commit: who joins a batch, and when it goes."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from receiver.ledger import recorder
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.recorder import Recorder
from tests.receiver.ledger.ledgers import arrival, new_job_id, success


class Scribe:
    """Notes how large each batch was."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def write(self, arrivals: Sequence[Arrival]) -> list[Recorded]:
        self.batches.append(len(arrivals))
        return [Recorded(each.delivery.job_id) for each in arrivals]

    def close(self) -> None: ...


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture
async def one(scribe: Scribe) -> AsyncIterator[Recorder]:
    made = Recorder(scribe)
    yield made
    made.close()


async def test_who_comes_within_a_few_turns_joins_the_batch(one: Recorder, scribe: Scribe) -> None:
    """Deliveries that come turn after turn of the loop share a transaction."""
    calls = []
    for _ in range(20):
        calls.append(asyncio.create_task(one.record(arrival(new_job_id(), success()))))
        for _ in range(recorder.QUIET_TURNS - 2):
            await asyncio.sleep(0)
    await asyncio.gather(*calls)
    assert scribe.batches == [20]


async def test_a_lone_delivery_waits_for_nobody(one: Recorder, scribe: Scribe) -> None:
    """There is no timer: what comes alone is written alone."""
    async with asyncio.timeout(5):
        for _ in range(3):
            await one.record(arrival(new_job_id(), success()))
    assert scribe.batches == [1, 1, 1]


async def test_a_batch_has_a_largest_size(one: Recorder, scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come, one transaction takes only so many; each is told of its own arrival."""
    monkeypatch.setattr(recorder, "MOST_IN_BATCH", 8)
    names = [new_job_id() for _ in range(20)]
    told = await asyncio.gather(*(one.record(arrival(name, success())) for name in names))
    assert [each.delivery_id for each in told] == names
    assert scribe.batches == [8, 8, 4]
