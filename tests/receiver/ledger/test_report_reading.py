"""What a report and a list of gaps are made of, read from either database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from receiver.errors import BadSignature
from receiver.ledger.ledger import Ledger
from receiver.ledger.report_reading import (
    CostCount,
    DeliveryCount,
    GapRow,
    ImageSum,
    JobCount,
    Reading,
    lost_images,
    silent,
)
from receiver.wire.types import Kind, Outcome
from tests.receiver.ledger.ledgers import (
    NOW,
    SOON,
    acknowledged,
    arrival,
    collect_all,
    collected,
    image,
    opened,
    refused,
    sign,
    success,
)

T = TypeVar("T")
BEGIN, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


async def read(ledger: Ledger, what: Callable[[Reading], T], begin: datetime = BEGIN, end: datetime = END) -> T:
    return await ledger.read(lambda c: what(Reading(c, begin, end)))


async def taken(ledger: Ledger, request_id: str, **other: object) -> str:
    """A job that was called and acknowledged."""
    job_id = await opened(ledger, **other)
    await ledger.called(job_id, NOW)
    await ledger.noted(job_id, acknowledged(request_id), NOW)
    return job_id


async def delivered(ledger: Ledger, request_id: str, kind: Kind = Kind.HOOK, **other: object) -> str:
    """A job whose one image is here, as a delivery of that kind told us."""
    job_id = await taken(ledger, request_id, **other)
    event = success(image(cost="0.04"), request_id=request_id)
    await ledger.record(arrival(job_id, event, kind=kind, lifetime=timedelta(hours=1)))
    await collect_all(ledger, NOW + timedelta(seconds=8))
    return job_id


async def test_jobs_are_counted_by_what_became_of_them(ledger: Ledger) -> None:
    """Delivered in time, by an answer, too late, moderated, and open: each a group of its own."""
    await delivered(ledger, "a")
    await delivered(ledger, "b", Kind.ANSWER)
    await delivered(ledger, "c", deadline_at=NOW + timedelta(seconds=5))
    await ledger.record(arrival(await taken(ledger, "d"), sign(Outcome.MODERATED, "d")))
    await opened(ledger)

    found = await read(ledger, lambda reading: list(reading.jobs()))

    assert sorted(found) == [
        JobCount("fal", "delivered", False, False, False, 1),
        JobCount("fal", "delivered", False, False, True, 1),
        JobCount("fal", "delivered", False, True, False, 1),
        JobCount("fal", "failed", True, False, False, 1),
        JobCount("fal", "pending", False, False, False, 1),
    ]


async def test_what_it_cost_and_how_long_it_took(ledger: Ledger) -> None:
    """Costs come as they were told, bytes and seconds from stored images; what was never sent has no cost at all."""
    await delivered(ledger, "a")
    await delivered(ledger, "b")
    await taken(ledger, "c")
    await opened(ledger)

    assert sorted(await read(ledger, lambda r: list(r.costs())), key=str) == [
        CostCount("fal", "0.04", 2),
        CostCount("fal", None, 1),
    ]
    assert await read(ledger, lambda r: list(r.images())) == [ImageSum("fal", 2, 2 * len(b"0"))]
    assert await read(ledger, lambda r: list(r.seconds())) == [("fal", 8.0), ("fal", 8.0)]


async def test_deliveries_are_counted_by_day_and_verdict(ledger: Ledger) -> None:
    """Believed and refused, and how often one came again."""
    job_id = await taken(ledger, "a")
    for _ in range(3):
        await ledger.record(arrival(job_id, success(image(), request_id="a")))
    await ledger.record(refused(job_id, BadSignature("no")))

    found = await read(ledger, lambda reading: sorted(reading.deliveries()))

    assert found == [
        DeliveryCount("fal", "2026-11-20", "bad_signature", 1, 0),
        DeliveryCount("fal", "2026-11-20", "unsigned", 1, 2),
    ]


async def test_another_month_has_nothing_of_it(ledger: Ledger) -> None:
    """A period ends where the next begins: neither jobs nor deliveries are counted twice."""
    await delivered(ledger, "a")

    def all_of(reading: Reading) -> list[object]:
        return [
            *reading.jobs(), *reading.costs(), *reading.images(), *reading.seconds(), *reading.deliveries(),
        ]  # fmt: skip

    assert await read(ledger, all_of, END, END + timedelta(days=31)) == []
    assert await read(ledger, all_of, BEGIN, NOW) == []
    assert len(await read(ledger, all_of, NOW, NOW + timedelta(seconds=1))) == 5


async def test_images_that_are_lost(ledger: Ledger) -> None:
    """A dead letter at once, an expired URL when it has expired; what is on its way, or here, is no gap."""
    await delivered(ledger, "a")
    dead = await taken(ledger, "b")
    await ledger.record(arrival(dead, success(image("0"), image("1"), request_id="b"), lifetime=timedelta(minutes=10)))
    tasks = {task.image_key: task for task in await ledger.leased("w", NOW, NOW + timedelta(minutes=1), 10)}
    await ledger.buried(tasks["0"], "it is 404", NOW)

    async def lost(now: datetime, since: datetime | None = None) -> list[GapRow]:
        return await ledger.read(lambda c: list(lost_images(c, now, since)))

    [row] = await lost(NOW)
    assert (row.job_id, row.key, row.status, row.live, row.dead_at, row.error) == (
        dead, "0", "succeeded", True, NOW, "it is 404",
    )  # fmt: skip
    assert [row.key for row in await lost(NOW + timedelta(minutes=10))] == ["0", "1"]
    assert await lost(SOON, since=SOON) == []
    await ledger.stored(tasks["1"], collected(b"late"), SOON)
    assert [row.key for row in await lost(SOON)] == ["0"]


async def test_jobs_of_which_nothing_was_heard(ledger: Ledger) -> None:
    """Once the deadline has passed: answered only, or expired; not those whose callback came, or that were not sent."""
    await delivered(ledger, "a")
    asked = await delivered(ledger, "b", Kind.ANSWER)
    lost = await taken(ledger, "c")
    await opened(ledger)
    await ledger.expired(SOON)

    found = await ledger.read(lambda c: list(silent(c, SOON)))

    assert {row.job_id: (row.status, row.live) for row in found} == {
        asked: ("delivered", False),
        lost: ("expired", True),
    }
    assert await ledger.read(lambda c: list(silent(c, NOW))) == []
