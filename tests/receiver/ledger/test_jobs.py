"""A job's life on our side: opened, called, noted, failed, asked about, expired."""

import asyncio
from collections.abc import Awaitable

import pytest

from receiver.errors import BadOrder, NoSuchJob, Refused
from receiver.ledger import tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.rules import Standing
from receiver.wire.types import Failure, Kind, Outcome
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, SOON, arrival, failure, image, job_row, opened, sign, success


async def test_the_row_stands_before_the_call(ledger: Ledger) -> None:
    """An opened job is there for a callback to find: pending, not called, not yet named by its provider."""
    job_id = await opened(ledger)

    row = job_row(ledger, job_id)

    assert (row["status"], row["called_at"], row["request_id"], row["submitted_at"]) == ("pending", None, None, None)


async def test_the_same_idempotency_key_is_the_same_job(ledger: Ledger) -> None:
    """The same key with the same order is the job that is there, also ten times at once."""
    asked = [ledgers.opening(ledgers.new_job_id(), idempotency_key="k") for _ in range(10)]

    found = await asyncio.gather(*map(ledger.opened, asked))

    assert len({job_id for job_id, _ in found}) == len(ledgers.rows(ledger, tables.job)) == 1
    assert sorted(new for _, new in found) == [False] * 9 + [True]


@pytest.mark.parametrize("other", [{"order_digest": "d2"}, {"provider": "vtrix"}])
async def test_an_idempotency_key_with_another_order_is_refused(ledger: Ledger, other: dict[str, str]) -> None:
    """Nobody can mean both orders: BadOrder, naming the option."""
    await opened(ledger, idempotency_key="k")

    with pytest.raises(BadOrder, match="--idempotency-key"):
        await opened(ledger, idempotency_key="k", **other)


async def test_a_job_id_is_taken_once(ledger: Ledger) -> None:
    """Without an idempotency key a job id that is there is refused, never taken for some other job."""
    await opened(ledger)
    taken = await opened(ledger)

    with pytest.raises(BadOrder, match="taken"):
        await ledger.opened(ledgers.opening(taken))


async def test_one_caller_of_twenty_may_call(ledger: Ledger) -> None:
    """A job is called once: of twenty at once exactly one is told to."""
    job_id = await opened(ledger)

    told = await asyncio.gather(*(ledger.called(job_id, NOW) for _ in range(20)))

    assert told.count(True) == 1


async def test_noted_keeps_what_a_callback_brought(ledger: Ledger) -> None:
    """A callback that overtook the acknowledgement has the higher standing, and keeps it."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, success(image(), cost="0.04")))

    same = await ledger.noted(job_id, ledgers.acknowledged(cost="0.99"), NOW)

    row = job_row(ledger, job_id)
    assert (same, row["status"], row["cost_usd"]) == (True, "succeeded", "0.04")
    assert row["links"] == {"status": "https://queue.fal.run/s"}


async def test_noted_twice_is_noted_once(ledger: Ledger) -> None:
    """A submitter that repeats itself changes nothing."""
    job_id = await opened(ledger)
    await ledger.noted(job_id, ledgers.acknowledged(), NOW)
    before = job_row(ledger, job_id)

    await ledger.noted(job_id, ledgers.acknowledged(), SOON)

    assert (before["status"], job_row(ledger, job_id)) == ("submitted", before)


async def test_noted_with_another_request_id_disowns_what_came_before(ledger: Ledger) -> None:
    """The acknowledgement is right about the request id: what came under another name is none of ours."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, success(image(), request_id="forged", cost="9")))
    await ledgers.collect_all(ledger)

    same = await ledger.noted(job_id, ledgers.acknowledged(), NOW)

    row = job_row(ledger, job_id)
    assert (same, row["status"], row["request_id"], row["ask_at"]) == (False, "submitted", ledgers.REQUEST, NOW)
    assert (row["cost_usd"], row["finished_at"], row["delivered_at"]) == (None, None, None)
    assert [ledgers.rows(ledger, each) for each in (tables.event, tables.image, tables.task)] == [[], [], []]
    assert [each["verdict"] for each in ledgers.rows(ledger, tables.delivery)] == ["wrong_request"]


async def test_disowning_rewrites_no_refusal(ledger: Ledger) -> None:
    """What was refused for its own reason keeps that reason; a false answer is disowned like a false callback."""
    job_id = await opened(ledger)
    await ledger.record(ledgers.refused(job_id, Refused("junk"), b"junk"))
    await ledger.record(arrival(job_id, sign(Outcome.PROGRESS, "forged"), body=b"hook"))
    await ledger.record(arrival(job_id, failure(request_id="forged"), kind=Kind.ANSWER, body=b"answer"))

    await ledger.noted(job_id, ledgers.acknowledged(), NOW)

    found = {row["body"]: row["verdict"] for row in ledgers.rows(ledger, tables.delivery)}
    assert found == {b"junk": "refused", b"hook": "wrong_request", b"answer": "wrong_request"}


async def test_after_disowning_the_true_callback_climbs(ledger: Ledger) -> None:
    """The false delivery's event ids are free again, so that the true one is news."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, success(image(), name="e", request_id="forged")))
    await ledger.noted(job_id, ledgers.acknowledged(), NOW)

    heard = await ledger.record(arrival(job_id, success(image(), name="e")))

    assert (heard.duplicate, job_row(ledger, job_id)["status"]) == (False, "succeeded")


@pytest.mark.parametrize("to", [Standing.FAILED, Standing.EXPIRED, Standing.CANCELLED])
async def test_a_late_success_climbs_over_the_end(ledger: Ledger, to: Standing) -> None:
    """The picture was made and paid for, so it is kept, and the error is gone."""
    job_id = await opened(ledger)
    await ledger.failed(job_id, Failure("late", "too late"), NOW, to)
    ended = await ledger.job(job_id)

    await ledger.record(arrival(job_id, success(image())))
    await ledgers.collect_all(ledger)

    job = await ledger.job(job_id)
    assert (ended.error, ended.finished_at) == ({"code": "late", "message": "too late"}, NOW)
    assert (job.status, job.error, job.delivered_at) == ("delivered", None, SOON)


async def test_failed_takes_nothing_back(ledger: Ledger) -> None:
    """A refusal that comes after a success changes nothing."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, success(image())))
    before = job_row(ledger, job_id)

    await ledger.failed(job_id, Failure("late", "too late"), SOON)

    assert job_row(ledger, job_id) == before


async def test_no_such_job(ledger: Ledger) -> None:
    """What names a job that is not there says so."""
    nobody = ledgers.new_job_id()

    facts: list[Awaitable[object]] = [ledger.job(nobody), ledger.row(nobody), ledger.retried(nobody, NOW)]
    facts += [ledger.noted(nobody, ledgers.acknowledged(), NOW), ledger.failed(nobody, Failure("a", "b"), NOW)]
    for fact in facts:
        with pytest.raises(NoSuchJob, match=nobody):
            await fact
    assert await ledger.called(nobody, NOW) is False
