"""The one call of a job: when it is due, who claims it, and why it is not made yet; on both backends."""

import asyncio
from datetime import timedelta

from receiver.ledger.ledger import Ledger
from receiver.ledger.rules import Standing
from receiver.ledger.sending import CALL_GRACE
from receiver.wire.types import Failure
from tests.receiver.ledger.ledgers import NOW, SOON, job_row, opened

WHY = Failure("not_sent_yet", "FAL_KEY is not set")
PAUSE = timedelta(seconds=10)


async def test_a_submitters_row_is_left_to_it_and_an_order_is_not(ledger: Ledger) -> None:
    """A row that was opened to be sent is due at once, that of a submitter after its grace; longest due first."""
    own = await opened(ledger)
    order = await opened(ledger, send_at=NOW)

    found = [[row["id"] for row in await ledger.unsent(NOW + wait)] for wait in (timedelta(0), CALL_GRACE)]

    assert found == [[order], [order, own]]
    assert await ledger.chores(NOW)


async def test_an_order_is_news(ledger: Ledger) -> None:
    """Whoever reconciles is woken by the row itself, not by its next look."""
    async with ledger.listening() as ear:
        await ear.changed(1)  # what came before we listened
        await opened(ledger, send_at=NOW)
        async with asyncio.timeout(20):
            await ear.changed(60)


async def test_what_is_held_up_says_why_and_waits(ledger: Ledger) -> None:
    """The reason stands in the row, once as news; that job alone is put off; the call, once made, clears it."""
    held, other = await opened(ledger, send_at=NOW), await opened(ledger, send_at=NOW + PAUSE / 2)

    fresh = [await ledger.held_up(held, WHY, NOW + PAUSE) for _ in range(2)]

    error = (await ledger.job(held)).error
    assert (fresh, error) == ([True, False], {"code": WHY.code, "message": WHY.message})
    assert [row["id"] for row in await ledger.unsent(NOW + PAUSE / 2)] == [other]
    assert [row["id"] for row in await ledger.unsent(NOW + PAUSE)] == [other, held]
    assert await ledger.called(held, NOW)
    row = job_row(ledger, held)
    assert (row["error_code"], row["error_message"], row["send_at"]) == (None, None, None)
    assert not await ledger.held_up(held, WHY, NOW), "it is called: nothing holds it up any more"


async def test_why_it_was_never_sent_is_told_when_it_expires(ledger: Ledger) -> None:
    """The end of a job that could not be sent names what was in the way; nobody calls it after that."""
    job_id = await opened(ledger, send_at=NOW)
    await ledger.held_up(job_id, WHY, NOW + PAUSE)

    assert await ledger.expired(SOON) == [job_id]

    row = job_row(ledger, job_id)
    assert (row["error_code"], row["standing"]) == ("never_sent", Standing.EXPIRED)
    assert row["error_message"].endswith("nothing was paid: FAL_KEY is not set")
    assert not await ledger.called(job_id, SOON)
