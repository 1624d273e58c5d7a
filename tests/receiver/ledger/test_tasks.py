"""Tasks: leased earliest expiry first, held by one worker, settled, put off, buried, taken up again."""

import asyncio
from datetime import datetime, timedelta

from receiver.ledger import tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.tasks import Task
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import LATER, NOW, SOON, arrival, collected, image, opened, success, upload

LEASE = timedelta(seconds=30)


async def _announced(ledger: Ledger, lifetime: timedelta | None = None, keys: str = "0") -> str:
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, success(*map(image, keys)), lifetime=lifetime))
    return job_id


async def _lease(ledger: Ledger, worker: str = "one", now: datetime = NOW, limit: int = 10) -> list[Task]:
    return await ledger.leased(worker, now, now + LEASE, limit)


async def test_what_expires_soonest_is_leased_first(ledger: Ledger) -> None:
    """BFL deletes after ten minutes: soonest-expiring first, those without an expiry last."""
    lifetimes = (None, timedelta(hours=1), timedelta(minutes=10), timedelta(minutes=30))
    never, hour, ten, thirty = [await _announced(ledger, each) for each in lifetimes]

    taken = [task.job_id for task in await _lease(ledger)]

    assert taken == [ten, thirty, hour, never]


async def test_a_ttl_of_the_order_is_the_lifetime(ledger: Ledger) -> None:
    """Where the order sets how long its URLs live, that counts, not what is usual for the provider."""
    job_id = await opened(ledger, params={"ttl": 60})
    await ledger.record(arrival(job_id, success(image()), lifetime=timedelta(days=1)))

    [task] = await _lease(ledger)

    assert task.expires_at == NOW + timedelta(seconds=60)


async def test_a_lease_is_held_until_it_runs_out(ledger: Ledger) -> None:
    """A leased task is nobody else's; when the lease dies it is anybody's again, and the attempt counts."""
    await _announced(ledger)
    first = await _lease(ledger, "one")

    during = await _lease(ledger, "two", NOW + LEASE - timedelta(microseconds=1))
    after = await _lease(ledger, "two", NOW + LEASE)

    assert ([task.attempts for task in first], during, [task.attempts for task in after]) == ([1], [], [2])


async def test_renewing_keeps_what_is_held(ledger: Ledger) -> None:
    """A live worker keeps its tasks, and takes none back that another holds by now."""
    await _announced(ledger, keys="01")
    held = await _lease(ledger, "one")
    await ledger.renewed("one", held[:1], NOW + 2 * LEASE)
    lost = await _lease(ledger, "two", NOW + LEASE)

    await ledger.renewed("one", held, NOW + 3 * LEASE)

    leases = {row["image_key"]: row["leased_by"] for row in ledgers.rows(ledger, tables.task)}
    assert leases == {held[0].image_key: "one", lost[0].image_key: "two"}
    assert [task.image_key for task in await _lease(ledger, "three", NOW + 2 * LEASE)] == [lost[0].image_key]


async def test_a_worker_that_stops_gives_back(ledger: Ledger) -> None:
    """What a stopping worker gives back is due at once, and its attempt does not count."""
    await _announced(ledger, keys="01")
    await _lease(ledger, "one", limit=1)
    await _lease(ledger, "two", limit=1)

    await ledger.given_back("one")

    assert [(task.attempts, len(await _lease(ledger))) for task in await _lease(ledger)] == [(1, 0)]


async def test_two_workers_never_hold_the_same_task(database_url: str, ledger: Ledger) -> None:
    """Two processes lease at once until nothing is left: every task is held exactly once."""
    for _ in range(10):
        await _announced(ledger, keys="0123")
    other = Ledger(database_url)
    try:
        taken = await asyncio.gather(
            *(_lease(each, worker, limit=3) for _ in range(8) for each, worker in ((ledger, "one"), (other, "two")))
        )
    finally:
        other.close()

    names = [(task.job_id, task.image_key) for tasks in taken for task in tasks]
    assert len(names) == len(set(names)) == 40


async def test_stored_delivers_with_the_last_image(ledger: Ledger) -> None:
    """A job is delivered when every image is stored and no sooner; storing twice is storing once."""
    job_id = await _announced(ledger, keys="01")
    one, two = await _lease(ledger)

    fresh = [await ledger.stored(one, collected(), NOW), await ledger.stored(one, collected(b"other"), SOON)]
    halfway = (await ledger.job(job_id)).status
    await ledger.stored(two, collected(), SOON)

    job = await ledger.job(job_id)
    assert (fresh, halfway, job.status, job.delivered_at) == ([True, False], "succeeded", "delivered", SOON)
    assert {each.sha256 for each in job.images} == {ledgers.sha(b"a picture")}
    assert ledgers.rows(ledger, tables.task) == []


async def test_a_task_that_is_put_off_comes_back_when_due(ledger: Ledger) -> None:
    """A failed attempt frees the lease, keeps its reason, and waits for its time."""
    job_id = await _announced(ledger)
    [task] = await _lease(ledger)

    await ledger.put_off(task, "timed out", SOON)

    assert (await _lease(ledger, now=SOON - LEASE), (await ledger.job(job_id)).images[0].error) == ([], "timed out")
    assert [again.attempts for again in await _lease(ledger, now=SOON)] == [2]


async def test_a_dead_letter_waits_for_a_person(ledger: Ledger) -> None:
    """A buried task is shown and never leased, until `retry` revives it with all its attempts."""
    job_id = await _announced(ledger, keys="01")
    task, other = await _lease(ledger)
    await ledger.buried(task, "gone", NOW)
    await ledger.stored(other, collected(), NOW)
    job, never = await ledger.job(job_id), await _lease(ledger, now=LATER)

    revived = await ledger.retried(job_id, SOON)

    assert (never, job.stuck, {each.state for each in job.images}) == ([], True, {"dead", "stored"})
    assert (revived, [again.attempts for again in await _lease(ledger, now=SOON)]) == (1, [1])
    assert (await ledger.job(job_id)).stuck is False


async def test_news_brings_a_dead_letter_back(ledger: Ledger) -> None:
    """A PUT after the download was given up makes the image due again."""
    job_id = await opened(ledger, provider="runware", upload=True)
    await ledger.record(arrival(job_id, success(image("u", place=0), request_id=job_id), provider="runware"))
    [task] = await _lease(ledger, now=SOON)
    await ledger.buried(task, "404", SOON)

    await ledger.record(upload(job_id, 0, b"png"))

    [again] = await _lease(ledger, now=SOON)
    assert (again.staged_sha256, again.staged_by) == (ledgers.sha(b"png"), "upload")


async def test_unstaged_bytes_leave_the_place_free(ledger: Ledger) -> None:
    """Bytes that are no image are forgotten: another PUT may fill the place, and the URL is still known."""
    job_id = await opened(ledger, provider="runware", upload=True)
    await ledger.record(upload(job_id, 0, b"no image"))
    await ledger.record(arrival(job_id, success(image("u", place=0), request_id=job_id), provider="runware"))
    [task] = await _lease(ledger)

    await ledger.unstaged(task)
    await ledger.put_off(task, "no image", NOW)

    [by_url] = await _lease(ledger)
    assert (by_url.staged_sha256, by_url.staged_by, by_url.url) == (None, None, "https://fal.media/u.png")
    heard = await ledger.record(upload(job_id, 0, b"an image"))
    assert heard.refusal is None


async def test_an_idle_worker_sees_what_is_due(ledger: Ledger) -> None:
    """`is_due` says exactly whether `leased` would give something."""
    seen = [await ledger.is_due(NOW)]
    await _announced(ledger)
    seen.append(await ledger.is_due(NOW))
    [task] = await _lease(ledger)
    seen += [await ledger.is_due(NOW), await ledger.is_due(NOW + LEASE)]
    await ledger.buried(task, "gone", NOW)

    assert [*seen, await ledger.is_due(LATER)] == [False, True, False, True, False]
