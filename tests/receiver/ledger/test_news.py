"""News: a commit by anybody is heard within moments, none is missed, and an idle listener costs next to nothing."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from receiver.ledger import news
from receiver.ledger.ledger import Ledger
from receiver.ledger.news import Ear
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, opened

LONG = 20.0
"""Seconds after which news that should have come is a failure."""


@pytest.fixture
def other(database_url: str, ledger: Ledger) -> Iterator[Ledger]:
    """Another process's ledger on the same database."""
    made = Ledger(database_url)
    yield made
    made.close()


async def _heard(ear: Ear, seconds: float = LONG) -> bool:
    """Whether news came before the time was over."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await ear.changed(seconds)
    return loop.time() - began < seconds


async def _settled(ear: Ear) -> None:
    """The source has begun, and says no more of what came before."""
    await ear.changed(LONG)


async def test_a_commit_of_another_process_is_heard(ledger: Ledger, other: Ledger) -> None:
    """Whoever waits learns of what any other ledger on this database commits."""
    job_id = await opened(other)
    async with ledger.listening() as ear:
        await _settled(ear)
        waiting = asyncio.create_task(_heard(ear))
        await other.noted(job_id, ledgers.acknowledged(), NOW)

        assert await waiting


async def test_news_between_two_waits_is_not_missed(ledger: Ledger, other: Ledger) -> None:
    """What was committed while nobody waited ends the next wait at once."""
    job_id = await opened(other)
    async with ledger.listening() as ear:
        await _settled(ear)
        await other.noted(job_id, ledgers.acknowledged(), NOW)

        assert await _heard(ear)


async def test_what_came_before_listening_is_told(ledger: Ledger) -> None:
    """The first wait ends when the source has begun: a look before it may have been too early."""
    async with ledger.listening() as ear:
        assert await _heard(ear)


async def test_silence_ends_with_the_timeout(ledger: Ledger) -> None:
    """Without news the wait lasts its time, and raises nothing."""
    async with ledger.listening() as ear:
        await _settled(ear)

        assert not await _heard(ear, 0.1)


async def test_many_ears_hear_one_source(ledger: Ledger, other: Ledger) -> None:
    """Each listener is told; however many there are, the database is looked at by one."""
    job_id = await opened(other)
    async with ledger.listening() as one, ledger.listening() as two:
        await asyncio.gather(_settled(one), _settled(two))
        waiting = asyncio.gather(_heard(one), _heard(two))
        await other.noted(job_id, ledgers.acknowledged(), NOW)

        assert all(await waiting)


async def test_stop_ends_the_wait(ledger: Ledger) -> None:
    """Whoever is told to stop does not wait for news first."""
    stop = asyncio.Event()
    async with ledger.listening() as ear:
        await _settled(ear)
        waiting = asyncio.create_task(ear.changed(LONG, stop))
        stop.set()

        await asyncio.wait_for(waiting, LONG / 2)


async def test_rest_bounds_how_often_news_is_told(ledger: Ledger, other: Ledger) -> None:
    """However much is committed, a listener that wants rest is told at most once in that time."""
    job_id = await opened(other)
    loop = asyncio.get_running_loop()
    async with ledger.listening(rest=0.2) as ear:
        await _settled(ear)
        began = loop.time()
        for _ in range(2):
            await other.noted(job_id, ledgers.acknowledged(), NOW)
            assert await _heard(ear)

        assert loop.time() - began >= 0.4


async def test_the_source_ends_with_its_last_ear(ledger: Ledger) -> None:
    """Nothing runs on when nobody listens; listening again begins anew."""
    for _ in range(2):
        async with ledger.listening() as ear:
            await _settled(ear)
            assert ledger._news._source is not None
        assert ledger._news._source is None


async def test_an_idle_listener_costs_next_to_nothing(ledger: Ledger) -> None:
    """A small part of a core while nothing happens (some hundredth, measured; the bound is for a busy machine)."""
    async with ledger.listening() as ear:
        await _settled(ear)
        before, began = time.process_time(), time.monotonic()
        await ear.changed(1.0)

        assert (time.process_time() - before) / (time.monotonic() - began) < 0.05


async def test_a_server_that_comes_back_is_heard_again(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listening connection that was cut is made anew, and what was missed meanwhile is told."""
    monkeypatch.setattr(news, "AWAY", 0.01)
    ledger = Ledger(postgres_url)
    try:
        job_id = await opened(ledger)
        async with ledger.listening() as ear:
            await _settled(ear)
            ledgers.cut_off(postgres_url)
            assert await _heard(ear)
            await ledgers.patiently(lambda: ledger.noted(job_id, ledgers.acknowledged(), NOW))
            assert await _heard(ear)
    finally:
        ledger.close()
