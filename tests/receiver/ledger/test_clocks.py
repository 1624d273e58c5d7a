"""A clock that was, or is, an hour wrong stops no work for an hour."""

from datetime import timedelta

import pytest

from receiver.ledger import sending, tasks
from receiver.ledger.ledger import Ledger
from tests.receiver.ledger.ledgers import NOW, arrival, image, opened, success

HOUR = timedelta(hours=1)
LEASE = tasks.LEASE


@pytest.mark.parametrize("later", [LEASE, -HOUR], ids=["runs out", "was taken an hour ahead"])
async def test_a_dead_workers_lease_ends(ledger: Ledger, later: timedelta) -> None:
    """A lease runs out; one that was taken while the clock was an hour ahead is over now, and not in an hour."""
    await ledger.record(arrival(await opened(ledger), success(image())))
    await ledger.leased("dead", NOW, NOW + LEASE, 1)

    assert await ledger.is_due(NOW + later)
    assert len(await ledger.leased("next", NOW + later, NOW + later + LEASE, 1)) == 1


@pytest.mark.parametrize("skew", [timedelta(seconds=5), timedelta(seconds=-5)])
async def test_hosts_that_differ_by_seconds_respect_leases(ledger: Ledger, skew: timedelta) -> None:
    """A lease of a host whose clock is a little off is a lease."""
    await ledger.record(arrival(await opened(ledger), success(image())))
    await ledger.leased("one", NOW, NOW + LEASE, 1)

    assert not await ledger.is_due(NOW + skew)


@pytest.mark.parametrize("wait", [tasks.LONGEST_WAIT, timedelta(seconds=1)])
async def test_a_task_put_off_by_a_wrong_clock_comes_back(ledger: Ledger, wait: timedelta) -> None:
    """A true wait is waited for; the same wait written an hour ahead is not."""
    await ledger.record(arrival(await opened(ledger), success(image())))
    [task] = await ledger.leased("one", NOW, NOW + LEASE, 1)
    await ledger.put_off(task, "no", NOW + wait)

    assert [await ledger.is_due(now) for now in (NOW, NOW + wait, NOW - HOUR)] == [False, True, True]


async def test_a_question_set_by_a_wrong_clock_is_asked(ledger: Ledger) -> None:
    """Questions keep their pace, and a time an hour ahead is none of it."""
    await ledger.called(await opened(ledger, ask_at=NOW + timedelta(minutes=2)), NOW)

    assert [await ledger.chores(NOW), await ledger.chores(NOW - HOUR)] == [False, True]
    assert len(await ledger.questions(NOW - HOUR)) == 1
    assert not await ledger.chores(NOW - HOUR), "asked: its lease is of the clock that holds now"


async def test_an_unsent_job_of_a_wrong_clock_is_found(ledger: Ledger) -> None:
    """A row that seems to be of the future is no young one."""
    job_id = await opened(ledger, ask_at=None)

    found = [[row["id"] for row in await ledger.unsent(now)] for now in (NOW, NOW + sending.CALL_GRACE, NOW - HOUR)]

    assert found == [[], [job_id], [job_id]]


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_live_workers_lease_is_renewed_over_a_jump(ledger: Ledger, jump: timedelta) -> None:
    """The next renewal writes the new time: from there on the lease is one again."""
    await ledger.record(arrival(await opened(ledger), success(image())))
    held = await ledger.leased("one", NOW, NOW + LEASE, 1)

    await ledger.renewed("one", held, NOW + jump + LEASE)

    assert not await ledger.is_due(NOW + jump)
