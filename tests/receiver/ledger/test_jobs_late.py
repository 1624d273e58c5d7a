"""Jobs whose end is late: partial results, deadlines, questions, rows that were never sent."""

from datetime import timedelta

from receiver.ledger.jobs import QUESTION_LEASE
from receiver.ledger.ledger import Ledger
from receiver.ledger.rules import Standing
from receiver.ledger.sending import CALL_GRACE
from receiver.wire.types import Failure, ImageRef
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import LATER, NOW, SOON, arrival, job_row, opened, success


async def test_partial_results_are_kept(ledger: Ledger) -> None:
    """Two of three stay submitted, expire as incomplete with both images, and the late third delivers the job."""
    job_id = await opened(ledger, expected=3)
    events = [success(ImageRef(key, url="https://x/", place=0)) for key in "abc"]
    for event in events[:2]:
        await ledger.record(arrival(job_id, event))
    before = (await ledger.job(job_id)).status
    await ledgers.collect_all(ledger)

    expired = await ledger.expired(SOON)

    job = await ledger.job(job_id)
    assert (before, expired, job.status) == ("submitted", [job_id], "expired")
    assert job.error is not None
    assert (job.error["code"], [each.state for each in job.images]) == ("incomplete", ["stored", "stored"])
    await ledger.record(arrival(job_id, events[2]))
    assert (await ledger.job(job_id)).status == "succeeded"
    await ledgers.collect_all(ledger, LATER)
    job = await ledger.job(job_id)
    assert (job.status, job.error, len(job.images)) == ("delivered", None, 3)


async def test_a_deadline_says_what_is_known(ledger: Ledger) -> None:
    """An expired job tells whether it was sent, and acknowledged; before its deadline, or with an end, none expires."""
    unsent, silent, taken, done = [await opened(ledger) for _ in range(4)]
    early = await opened(ledger, deadline_at=LATER)
    await ledger.called(silent, NOW)
    await ledger.noted(taken, ledgers.acknowledged(), NOW)
    await ledger.failed(done, Failure("no", "no"), NOW)

    expired = await ledger.expired(SOON)

    codes = [row["error_code"] for row in (job_row(ledger, each) for each in (unsent, silent, taken, done, early))]
    assert set(expired) == {unsent, silent, taken}
    assert codes == ["never_sent", "never_acknowledged", "deadline_passed", "no", None]
    assert await ledger.expired(SOON) == []


async def test_questions_come_longest_overdue_first_and_once(ledger: Ledger) -> None:
    """A job that is due for a question is handed to one asker, and is due again when its lease is over."""
    late, later = [await opened(ledger, ask_at=NOW + timedelta(minutes=minutes)) for minutes in (1, 2)]
    never = await opened(ledger, ask_at=None)

    first, second = [await ledger.questions(SOON) for _ in range(2)]

    assert ([job["id"] for job in first], second) == ([late, later], [])
    assert job_row(ledger, late)["ask_at"] == SOON + QUESTION_LEASE
    assert (job_row(ledger, late)["asks"], job_row(ledger, never)["asks"]) == (1, 0)


async def test_a_job_that_has_ended_is_asked_about_once(ledger: Ledger) -> None:
    """`retry` asks once more about a failed job: the question survives its asker, and does not come back for ever."""
    job_id = await opened(ledger)
    await ledger.noted(job_id, ledgers.acknowledged(), NOW)
    await ledger.failed(job_id, Failure("no", "no"), NOW)
    counted = await ledger.retried(job_id, NOW)
    died, again = [[job["id"] for job in await ledger.questions(now)] for now in (NOW, SOON)]

    await ledger.ask_again(job_id, SOON, LATER)

    assert (counted, died, again, job_row(ledger, job_id)["ask_at"]) == (1, [job_id], [job_id], None)


async def test_ask_again_sets_the_next_question(ledger: Ledger) -> None:
    """The reconciler says when to ask again; a hint that wants an answer at once is not put off, an end stays one."""
    job_id = await opened(ledger, ask_at=SOON)
    moments = []
    for now, at in ((NOW, LATER), (NOW, SOON), (SOON, LATER)):
        await ledger.ask_again(job_id, now, at)
        moments.append(job_row(ledger, job_id)["ask_at"])
    await ledger.failed(job_id, Failure("no", "no"), NOW)
    await ledger.ask_again(job_id, NOW, LATER)

    assert [*moments, job_row(ledger, job_id)["ask_at"]] == [LATER, SOON, SOON, None]


async def test_finished_is_when_the_provider_was_done(ledger: Ledger) -> None:
    """A success over an earlier end, its images stored already, finishes the job anew and delivers it."""
    job_id = await opened(ledger, expected=2)
    await ledger.record(arrival(job_id, success(ImageRef("a", url="https://x/", place=0))))
    await ledgers.collect_all(ledger)
    await ledger.failed(job_id, Failure("late", "too late"), NOW - timedelta(minutes=1), Standing.EXPIRED)

    await ledger.record(arrival(job_id, success(ImageRef("a"), name="answer")))

    row = job_row(ledger, job_id)
    assert (row["status"], row["finished_at"], row["delivered_at"]) == ("delivered", NOW, NOW)


async def test_unsent_finds_rows_whose_submitter_died(ledger: Ledger) -> None:
    """Opened a while ago and never called: to be sent by whoever finds it, unless its deadline has passed."""
    dead, called, _over = [await opened(ledger), await opened(ledger), await opened(ledger, deadline_at=NOW)]
    await ledger.called(called, NOW)

    found = [[row["id"] for row in await ledger.unsent(NOW + wait)] for wait in (timedelta(0), CALL_GRACE)]

    assert found == [[], [dead]]
