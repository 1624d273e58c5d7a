"""What is true now: counts, the last hour, speeds, what expires next; and that many who ask cost no more than one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from receiver.errors import BadSignature
from receiver.ledger import counting, tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.now_reading import Expiring, Minute, Speed
from receiver.ledger.trail_tables import checkpoint
from receiver.ledger.watch import Rested
from receiver.wire.types import Failure, Kind, Outcome
from tests.receiver.ledger.ledgers import NOW, acknowledged, arrival, collected, image, opened, refused, sign, success

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LOOKED = NOW + MINUTE


async def _stored(ledger: Ledger, provider: str, seconds: int, **other: Any) -> str:
    """A job that was delivered so many seconds after its call."""
    job_id = await opened(ledger, provider=provider, **other)
    await ledger.called(job_id, NOW)
    await ledger.noted(job_id, acknowledged(), NOW)
    await ledger.record(arrival(job_id, success(image()), provider=provider))
    [task] = await ledger.leased("w", NOW, NOW + MINUTE, 1)
    await ledger.stored(task, collected(), NOW + SECOND * seconds)
    return job_id


async def _came(ledger: Ledger, at: datetime, arrived: Any) -> None:
    await ledger.record(replace(arrived, delivery=replace(arrived.delivery, received_at=at)))


async def test_an_empty_ledger_has_a_present(ledger: Ledger) -> None:
    """Nothing is wrong with nothing: sixty empty minutes, no speed, no checkpoint."""
    view = await ledger.now_view(NOW)

    last = NOW.replace(second=0, microsecond=0)
    assert view.minutes == tuple(Minute(last - MINUTE * back, 0, 0, 0) for back in reversed(range(60)))
    assert (view.delivered, view.waiting, view.unsealed, view.since) == (0, 0, 0, NOW - DAY)
    assert (view.oldest_out, view.soonest, view.checkpoint, view.seconds, view.latest) == (None, None, None, (), ())


async def test_jobs_are_counted_by_how_they_stand(ledger: Ledger) -> None:
    """What ended counts where it was opened within the day; what has not ended counts however old it is."""
    old = NOW - 2 * DAY
    await _stored(ledger, "fal", 1)
    await _stored(ledger, "fal", 1, created_at=old)
    for at in (NOW, old):
        await ledger.failed(await opened(ledger, created_at=at), Failure("no", "no"), NOW)
    await opened(ledger, created_at=old - SECOND)
    await opened(ledger, created_at=NOW, deadline_at=NOW)
    await ledger.expired(NOW + SECOND)
    await ledger.noted(await opened(ledger), acknowledged(), NOW)

    view = await ledger.now_view(LOOKED)

    assert (view.delivered, view.failed, view.expired, view.waiting) == (1, 1, 1, 2)
    assert view.oldest_out == old - SECOND


async def test_images_are_counted_by_what_is_left_to_do(ledger: Ledger) -> None:
    """On their way, or dead letters; a job whose image is a dead letter is not collecting any more."""
    names = [await opened(ledger) for _ in range(3)]
    for n, job_id in enumerate(names):
        lifetime = timedelta(minutes=10 + n) if n else None
        await ledger.record(arrival(job_id, success(image()), lifetime=lifetime))
    [first] = await ledger.leased("w", NOW, NOW + MINUTE, 1)
    await ledger.buried(first, "gone", NOW)

    view = await ledger.now_view(LOOKED)

    assert first.job_id == names[1]
    assert (view.collecting, view.dead, view.queue) == (2, 1, 2)
    assert view.soonest == Expiring(names[2], "fal", 1, NOW + 12 * MINUTE)


async def test_what_has_expired_does_not_expire_soon(ledger: Ledger) -> None:
    """Its countdown is over."""
    await ledger.record(arrival(await opened(ledger), success(image()), lifetime=SECOND))

    assert (await ledger.now_view(LOOKED)).soonest is None


async def test_deliveries_are_counted_by_the_minute(ledger: Ledger) -> None:
    """In the minute in which they came: let in, come again, refused; of the last sixty, and the day's refusals."""
    job_id, other = await opened(ledger), await opened(ledger)
    last = NOW.replace(second=0, microsecond=0)
    for _ in range(3):
        await _came(ledger, last, arrival(job_id, sign(Outcome.PROGRESS)))
    await _came(ledger, last - timedelta(microseconds=1), refused(job_id, BadSignature("no"), body=b"1"))
    await _came(ledger, last - 59 * MINUTE, arrival(other, sign(Outcome.UNCLEAR), kind=Kind.ANSWER))
    await _came(ledger, last - HOUR, refused(job_id, BadSignature("no"), body=b"2"))
    await _came(ledger, last - 2 * DAY, refused(job_id, BadSignature("no"), body=b"3"))

    view = await ledger.now_view(NOW)

    assert [(each.recorded, each.duplicate, each.refused) for each in view.minutes] == [
        (1, 0, 0), *[(0, 0, 0)] * 57, (0, 0, 1), (1, 2, 0),
    ]  # fmt: skip
    assert view.refused == 2


async def test_a_minute_that_is_over_is_not_counted_again(ledger: Ledger) -> None:
    """While it may still be written it is; afterwards its count stands."""
    await _came(ledger, NOW, arrival(await opened(ledger), sign(Outcome.PROGRESS)))
    settled: dict[datetime, Minute] = {}

    def look(after: timedelta) -> Any:
        return ledger._look(lambda c: counting.minutes(c, NOW + after, settled))

    first = look(timedelta(0))
    assert NOW.replace(second=0, microsecond=0) not in settled
    assert look(2 * MINUTE)[57] == first[59]
    with ledger._engines.writing().begin() as connection:
        connection.execute(tables.delivery.delete())
    assert look(3 * MINUTE)[56] == first[59]
    assert look(63 * MINUTE) == tuple(replace(each, recorded=0, at=each.at + 63 * MINUTE) for each in first)


async def test_more_than_can_be_counted_quickly_is_said_to_be_more(ledger: Ledger, monkeypatch: Any) -> None:
    """No count is shown as the whole that was not made to its end; one that just was is."""
    monkeypatch.setattr(counting, "MOST", 2)
    for n in range(3):
        job_id = await opened(ledger)
        await ledger.record(refused(job_id, BadSignature("no"), body=bytes([n])))
    for _ in range(2):
        await ledger.failed(await opened(ledger), Failure("no", "no"), NOW)

    view = await ledger.now_view(LOOKED)

    assert (view.waiting, view.refused, view.failed) == (2, 2, 2)
    assert set(view.more) == {"waiting", "refused"}


async def test_how_quick_a_provider_is(ledger: Ledger) -> None:
    """The median from the call to the last image, of each provider with a job delivered in the last day."""
    for seconds in (1, 2, 9):
        await _stored(ledger, "fal", seconds)
    await _stored(ledger, "runware", 4)
    await _stored(ledger, "vtrix", 4, created_at=NOW - 2 * DAY)
    await opened(ledger, provider="fireworks")

    assert (await ledger.now_view(LOOKED)).seconds == (Speed("fal", 2.0, 3), Speed("runware", 4.0, 1))


async def test_the_latest_pictures_and_the_last_checkpoint(ledger: Ledger) -> None:
    """Newest first; what waits to be sealed is counted by name."""
    ids = [await _stored(ledger, "fal", 1, created_at=NOW + SECOND * n) for n in range(2)]
    with ledger._engines.writing().begin() as connection:
        for size in (5, 7):
            connection.execute(checkpoint.insert().values(size=size, made_at=NOW + SECOND * size, note=b"n"))

    view = await ledger.now_view(LOOKED)

    assert [job.id for job in view.latest] == ids[::-1]
    assert view.checkpoint == (NOW + 7 * SECOND, 7)
    assert view.unsealed == 10  # of each job its order, delivery and image, and its end: succeeded, then delivered


async def test_whoever_asks_within_a_second_shares_one_look(ledger: Ledger) -> None:
    """Then it is looked at again; and at once where the clock was set back."""
    first = await ledger.now_view(NOW)
    await opened(ledger)

    assert await ledger.now_view(NOW + SECOND * 0.9) is first
    assert (await ledger.now_view(NOW - SECOND)) is not first
    assert (await ledger.now_view(NOW + SECOND)).oldest_out == NOW


def test_what_takes_long_is_rested_from_for_longer() -> None:
    """Counting takes a twentieth of the time at most, until the rest would be too long."""
    now, counted = [0.0], [0]

    def count() -> int:
        now[0] += 0.125 if counted[0] < 1 else 10.0
        counted[0] += 1
        return counted[0]

    rested = Rested(lambda: now[0])
    seen = []
    for at in (0.0, 1.0, 2.5, 2.75, 17.5, 17.75):
        now[0] = max(now[0], at)
        seen.append(rested.get("x", count))

    assert seen == [1, 1, 1, 2, 2, 3]
    assert rested.get("other", lambda: 9, least=5.0) == 9
