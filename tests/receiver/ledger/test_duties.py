"""Duties: one holder at a time, replaced when it dies, whatever the clocks say."""

import asyncio
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from receiver.errors import LedgerBusy
from receiver.ledger import duties, tables
from receiver.ledger.duties import LEASE, Duty
from receiver.ledger.ledger import Ledger
from tests.receiver.ledger import ledgers

HOUR = timedelta(hours=1)


def _stand(connection: Connection, holder: str, ahead: timedelta) -> datetime:
    """Write a claim that ends `ahead` of the database's clock; returns that clock's time."""
    now = duties._now(connection, ledgers.NOW)
    connection.execute(tables.duty.insert().values(name="reconcile", holder=holder, until=now + ahead))
    return now


def test_one_holds_a_duty(connection: Connection) -> None:
    """The first has it and keeps it; another has none, but may have another duty."""
    took = [duties.take(connection, name, holder, ledgers.NOW) for name, holder in (
        ("reconcile", "one"), ("reconcile", "two"), ("reconcile", "one"), ("seal", "two"),
    )]  # fmt: skip

    assert took == [True, False, True, True]
    assert not duties.is_free(connection, "reconcile", ledgers.NOW)


@pytest.mark.parametrize(
    ("ahead", "free"),
    [(-HOUR, True), (timedelta(0), True), (LEASE / 2, False), (HOUR, True)],
    ids=["an hour ago", "just over", "held", "written by a clock an hour ahead"],
)
def test_a_dead_holder_is_replaced(connection: Connection, ahead: timedelta, *, free: bool) -> None:
    """A claim whose time is over is nobody's; so is one further ahead than any claim can be."""
    now = _stand(connection, "dead", ahead)

    assert duties.is_free(connection, "reconcile", now) is free
    assert duties.take(connection, "reconcile", "next", now) is free


def test_only_its_holder_gives_a_duty_up(connection: Connection) -> None:
    """Who lost a duty cannot take it from the one who has it now."""
    duties.take(connection, "reconcile", "one", ledgers.NOW)

    duties.give_up(connection, "reconcile", "two")
    kept = not duties.is_free(connection, "reconcile", ledgers.NOW)
    duties.give_up(connection, "reconcile", "one")

    assert (kept, duties.is_free(connection, "reconcile", ledgers.NOW)) == (True, True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of a moment, so that a test can wait for their end."""
    monkeypatch.setattr(duties, "LEASE", timedelta(seconds=0.3))
    monkeypatch.setattr(duties, "LOOK", 0.02)


async def _until_held(duty: Duty) -> None:
    async with asyncio.timeout(20):
        while not duty.held:
            await asyncio.sleep(0.01)


def _duty(ledger: Ledger) -> Duty:
    return Duty(ledger, "reconcile", lambda: datetime.now().astimezone())


async def test_of_many_exactly_one_holds(ledger: Ledger) -> None:
    """Ten that begin at once: one acts."""
    many = [_duty(ledger) for _ in range(10)]
    await asyncio.gather(*(duty.claim() for duty in many))

    assert [duty.held for duty in many].count(True) == 1


async def test_who_stops_hands_over(ledger: Ledger) -> None:
    """A duty that is given back is taken by the next look, long before its lease would be over."""
    async with _duty(ledger) as first:
        second = _duty(ledger)
        await second.claim()
        assert (first.held, second.held) == (True, False)
    began = time.monotonic()
    async with second:
        assert second.held
        assert time.monotonic() - began < LEASE.total_seconds() / 2


@pytest.mark.usefixtures("quick")
async def test_a_killed_holder_is_replaced_within_its_lease(ledger: Ledger) -> None:
    """Who dies says nothing: the next takes over when the lease is out, and by then the first knows it is none's."""
    dead = _duty(ledger)
    await dead.claim()
    async with _duty(ledger) as waiting:
        assert (dead.held, waiting.held) == (True, False)
        await _until_held(waiting)
        assert not dead.held


@pytest.mark.usefixtures("quick")
async def test_a_live_holder_keeps_its_duty(ledger: Ledger) -> None:
    """Through many leases there is a holder, and never are there two."""
    async with _duty(ledger) as first, _duty(ledger) as second:
        for _ in range(20):
            await asyncio.sleep(0.05)
            assert not (first.held and second.held)

        assert first.held or second.held


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_clock_that_jumps_stops_nothing(ledger: Ledger, jump: timedelta) -> None:
    """After an hour either way the holder holds on, and when it is gone the next has the duty at once."""
    ahead = timedelta(0)
    duty, after = (Duty(ledger, "reconcile", lambda: ledgers.NOW + ahead) for _ in range(2))
    await duty.claim()
    ahead = jump
    await duty.claim()
    assert duty.held
    ahead = 2 * jump if jump > timedelta(0) else -2 * HOUR
    await ledger.duty_given_up("reconcile", duty.holder)
    await after.claim()

    assert after.held


async def test_who_cannot_reach_the_ledger_stops_acting(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that cannot be renewed ends by the holder's own clock, though nobody tells it."""
    duty = _duty(ledger)
    await duty.claim()

    async def busy(*_: object) -> bool:
        raise LedgerBusy("away")

    monkeypatch.setattr(ledger, "duty_taken", busy)
    await duty.claim()
    soon = duty.held
    later = time.monotonic() + LEASE.total_seconds()
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert (soon, duty.held) == (True, False)
