"""What people and programs are shown: jobs newest first, images in their order, deliveries with evidence."""

from datetime import timedelta

from receiver.errors import BadSignature
from receiver.ledger.ledger import Ledger
from receiver.wire.types import Failure, Kind, Outcome
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, arrival, image, opened, sha, sign, success


async def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    """Newest first, by status, provider and time, a page at a time."""
    ids = [await opened(ledger, created_at=NOW + timedelta(seconds=n)) for n in range(3)]
    vtrix = await opened(ledger, created_at=NOW + timedelta(seconds=3), provider="vtrix")
    await ledger.failed(ids[0], Failure("no", "no"), NOW)

    found = [
        [job.id for job in await ledger.jobs(**wanted)]
        for wanted in (
            {},
            {"provider": "vtrix"},
            {"status": "failed"},
            {"since": NOW + timedelta(seconds=2)},
            {"before": NOW + timedelta(seconds=2), "limit": 1},
        )
    ]

    assert found == [[vtrix, *ids[::-1]], [vtrix], [ids[0]], [vtrix, ids[2]], [ids[1]]]


async def test_images_are_shown_in_their_order(ledger: Ledger) -> None:
    """Results are numbered from 1 by their index; ten comes after two; each job has its own."""
    job_id, other = await opened(ledger), await opened(ledger)
    await ledger.record(arrival(job_id, success(*(image(str(index)) for index in (10, 1, 0, 9)))))
    await ledger.record(arrival(other, success(image("5"))))

    listed = {job.id: [each.n for each in job.images] for job in await ledger.jobs()}

    assert listed == {job_id: [1, 2, 10, 11], other: [6]}


async def test_an_image_says_how_it_stands(ledger: Ledger) -> None:
    """Announced, stored or dead, with its error and its attempts."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, success(*map(image, "012"))))
    one, two = await ledger.leased("w", NOW, ledgers.SOON, 2)
    await ledger.buried(one, "gone", NOW)
    await ledger.stored(two, ledgers.collected(), NOW)

    job = await ledger.job(job_id)

    found = {each.key: (each.state, each.error, each.attempts) for each in job.images}
    [left] = {"0", "1", "2"} - {one.image_key, two.image_key}
    assert found == {
        one.image_key: ("dead", "gone", 1),
        two.image_key: ("stored", None, 0),
        left: ("announced", None, 0),
    }
    assert job.stuck


async def test_deliveries_are_evidence(ledger: Ledger) -> None:
    """Believed and refused deliveries are listed by job and verdict; headers and body come back byte for byte."""
    job_id, other = await opened(ledger), await opened(ledger)
    await ledger.record(arrival(job_id, sign(Outcome.PROGRESS), body=b"hook"))
    await ledger.record(arrival(job_id, success(image()), body=b"answer", kind=Kind.ANSWER))
    await ledger.record(ledgers.refused(other, BadSignature("no"), b"\x00\xff"))

    [bad] = await ledger.deliveries(verdict="bad_signature")
    mine = await ledger.deliveries(job_id=job_id)

    assert {each.verdict for each in mine} == {"unsigned", "asked"}
    assert (bad.job_id, bad.headers, bad.body_bytes) == (other, (("host", "x"), ("via", "\xff")), 2)
    assert await ledger.body(bad.id) == (b"\x00\xff", sha(b"\x00\xff"))
    assert await ledger.body("nothing") is None


async def test_a_large_body_stands_in_storage(ledger: Ledger) -> None:
    """Where a body was put to storage the row names it by its hash and size."""
    job_id = await opened(ledger, provider="runware", upload=True)
    heard = await ledger.record(ledgers.upload(job_id, 0, b"png"))
    assert heard.delivery_id is not None

    [view] = (await ledger.job(job_id)).deliveries

    assert (view.id, view.kind, view.body_bytes) == (heard.delivery_id, "upload", 3)
    assert await ledger.body(view.id) == (None, sha(b"png"))


async def test_pages_neither_repeat_nor_skip(ledger: Ledger) -> None:
    """Jobs of one and the same moment are told apart by their id: page after page shows each of them once."""
    ids = {await opened(ledger, created_at=NOW + timedelta(seconds=n // 4)) for n in range(10)}
    seen: list[str] = []
    before = None
    while page := await ledger.jobs(before=before, limit=3):
        seen += [job.id for job in page]
        before = (page[-1].created_at, page[-1].id)

    assert (len(seen), set(seen)) == (10, ids)


async def test_pages_of_deliveries_neither_repeat_nor_skip(ledger: Ledger) -> None:
    """Deliveries of one moment, too."""
    job_id = await opened(ledger)
    for n in range(7):
        await ledger.record(ledgers.refused(job_id, BadSignature("no"), body=b"%d" % n))
    seen: list[str] = []
    before = None
    while page := await ledger.deliveries(verdict="bad_signature", before=before, limit=3):
        seen += [each.id for each in page]
        before = (page[-1].received_at, page[-1].id)

    assert (len(seen), len(set(seen))) == (7, 7)
