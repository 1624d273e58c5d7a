"""What people do to jobs and deliveries, on both backends; the evidence is sealed and checked behind each act."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from receiver import acts
from receiver.audit import purge
from receiver.audit.bundle import export
from receiver.audit.findings import Report
from receiver.audit.seal import Sealer
from receiver.audit.stranger.contents import Entry, _came
from receiver.audit.stranger.findings import Bad
from receiver.audit.verify import Verifier
from receiver.audit.witness import open_witness
from receiver.errors import Impossible, Malformed, NoSuchDelivery, NoSuchJob
from receiver.ledger import tables
from receiver.ledger.arrivals import redelivered
from receiver.ledger.jobs import Opening
from receiver.ledger.tasks import Collected
from receiver.wire.types import Delivery, Headers, Kind
from tests.receiver.audit.bundles import checked
from tests.receiver.house import OTHER_SEED, House, Placed, as_json, done, item, opened, png, public
from tests.receiver.keyserver import jwk, jwks
from tests.receiver.ledger.conftest import backend, database_url
from tests.receiver.ledger.ledgers import new_job_id, opening

__all__ = ["backend", "database_url"]


@pytest.fixture
async def house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with opened(tmp_path, database_url=database_url) as made:
        yield made


async def sealed(house: House) -> None:
    """What came so far is under a checkpoint, and `audit verify` finds nothing wrong with it."""
    ledger, settings = house.road.ledger, house.road.settings
    await Sealer(ledger, settings.secrets, "hooks.example/trail", house.clock, open_witness(ledger, settings)).work()
    report = Report()
    await Verifier(ledger, house.road.storage, settings, house.clock).run(report)
    assert report.findings == []


async def collect(house: House) -> None:
    """Be the worker: a picture for every image that is due."""
    now = house.clock()
    for task in await house.road.ledger.leased("worker", now, now + timedelta(minutes=1), 100):
        kept = await house.road.storage.put(png())
        await house.road.ledger.stored(task, Collected(kept.sha256, "image/png", 8, 6, kept.bytes, "download"), now)


async def refused(house: House, job: Placed) -> str:
    """A callback by a key that nobody knew then; its id. Days later the key server gives that key."""
    assert (await house.fal(job, seed=OTHER_SEED)).json()["error"] == "unknown_key"
    await sealed(house)
    house.clock.ahead(days=3)
    house.keys.answer = jwks(jwk(public(OTHER_SEED), kid="fal-2"))
    return str(deliveries(house, job)[0]["id"])


def deliveries(house: House, job: Placed) -> list[dict[str, object]]:
    return sorted(house.rows(tables.delivery, job_id=job.id), key=lambda row: str(row["id"]))


async def test_a_refusal_that_was_mended_becomes_a_result(house: House) -> None:
    """A key that is known by now: verified by the clock of then, recorded now, and it names the first delivery."""
    job = await house.place()
    first = await refused(house, job)
    came = await acts.redeliver(house.road, first)
    was, now = deliveries(house, job)
    assert (came.delivery_id, came.duplicate, came.refusal) == (now["id"], False, None)
    assert (was["verdict"], now["verdict"], now["key_id"]) == ("unknown_key", "verified", "fal-2")
    assert (now["kind"], now["headers"], now["body"]) == (was["kind"], was["headers"], was["body"])
    assert now["received_at"] == house.clock()
    assert redelivered(str(now["reason"])) == first
    assert (await house.job(job)).status == "succeeded"
    await sealed(house)
    await collect(house)
    assert (await house.job(job)).status == "delivered"
    await sealed(house)


async def test_a_redelivery_in_a_bundle(house: House) -> None:
    """A stranger verifies it by the clock of the first one, which is in the bundle too; without that one, he cannot."""
    job = await house.place()
    first = await refused(house, job)
    came = await acts.redeliver(house.road, first)
    await sealed(house)
    bundle = await export(house.road.ledger, house.road.storage, house.road.settings, [job.id], ())
    found = checked(bundle.data)
    assert found.findings == []
    assert found.checked["provider signatures"] == 1
    plain = {"job_id": job.id, "received_at": "now", "reason": f"redelivery of {first}"}
    entry = Entry("delivery", str(came.delivery_id), plain, {}, {})
    with pytest.raises(Bad, match="which is not here"):
        _came(entry, [entry])


async def test_nothing_is_doubled(house: House) -> None:
    """What was taken says nothing new: no image, task, cost or row more; the repeat is counted."""
    job = await house.place("runware", expected=2)
    await house.post(job, as_json({"data": [item(job), item(job, imageUUID="other")]}))
    await collect(house)
    [row] = deliveries(house, job)
    before, counted = await house.job(job), house.count(job)
    for _ in range(2):
        came = await acts.redeliver(house.road, str(row["id"]))
        assert (came.duplicate, came.delivery_id, came.refusal) == (True, None, None)
    after = await house.job(job)
    assert (after.status, after.images, after.cost_usd) == (before.status, before.images, before.cost_usd)
    assert house.count(job) == counted
    assert deliveries(house, job)[0]["repeats"] == 2
    await sealed(house)


async def test_the_same_refusal_is_counted(house: House) -> None:
    """What is refused for the same reason again is a repeat; for another reason it is a delivery of its own."""
    job = await house.place()
    await house.fal(job, seed=OTHER_SEED)
    [row] = deliveries(house, job)
    came = await acts.redeliver(house.road, str(row["id"]))
    assert came.refusal is not None
    assert came.refusal.slug == "unknown_key"
    assert [each["repeats"] for each in deliveries(house, job)] == [1]


async def test_the_clock_is_that_of_then(house: House) -> None:
    """Stale then is stale now; the time that passed since makes nothing stale."""
    job = await house.place()
    await house.fal(job, timestamp="1")
    house.clock.ahead(days=1)
    [row] = deliveries(house, job)
    came = await acts.redeliver(house.road, str(row["id"]))
    assert came.refusal is not None
    assert came.refusal.slug == "stale_timestamp"


async def test_a_url_lives_from_when_it_was_told(tmp_path: Path, database_url: str) -> None:
    """A result's lifetime counts from the first delivery, so that nobody believes a dead URL to be alive."""
    async with opened(tmp_path, database_url=database_url) as house:
        job = await house.place("runware", params={"ttl": 3600})
        body = as_json({"data": [item(job)]})
        lost = Delivery("runware", Kind.HOOK, job.id, Headers(), body, house.clock())
        first = await house.road.refused(lost, Malformed("a defect of ours"))
        came_at = house.clock()
        house.clock.ahead(hours=2)
        assert (await acts.redeliver(house.road, str(first.delivery_id))).refusal is None
        [image] = house.rows(tables.image, job_id=job.id)
        assert image["expires_at"] == came_at + timedelta(hours=1)
        await sealed(house)


async def test_a_large_body_comes_from_the_storage(house: House) -> None:
    """A body over 64 KiB is read by its hash; bytes that are gone, or others, are not run."""
    job = await house.place()
    body = done(job.request_id, padding="x" * 70_000)
    await house.fal(job, body, seed=OTHER_SEED)
    house.clock.ahead(minutes=2)
    house.keys.answer = jwks(jwk(public(OTHER_SEED), kid="fal-2"))
    [row] = deliveries(house, job)
    assert row["body"] is None
    held = house.road.storage.path(str(row["body_sha256"]))
    assert held is not None
    held.write_bytes(body.replace(b"x", b"y"))
    with pytest.raises(Impossible, match="not those that came"):
        await acts.redeliver(house.road, str(row["id"]))
    held.unlink()
    with pytest.raises(Impossible, match="not in the storage"):
        await acts.redeliver(house.road, str(row["id"]))
    await house.road.storage.put(body)
    assert (await acts.redeliver(house.road, str(row["id"]))).refusal is None


async def test_an_answer_is_heard_again(house: House) -> None:
    """The answer to a question that we could not read then; one that says nothing by itself is left alone."""
    job = await house.place()
    status = Headers(((b":status", b"200"),))
    said = Delivery("fal", Kind.ANSWER, job.id, status, done_answer(), house.clock())
    first = await house.road.refused(said, Malformed("a defect of ours"))
    house.clock.ahead(seconds=1)
    came = await acts.redeliver(house.road, str(first.delivery_id))
    assert came.refusal is None
    assert [row["verdict"] for row in deliveries(house, job)] == ["malformed", "asked"]
    busy = Delivery("fal", Kind.ANSWER, job.id, Headers(((b":status", b"500"),)), b"x", house.clock())
    silent = await house.road.refused(busy, Malformed("it said nothing"))
    with pytest.raises(Impossible, match="says nothing"):
        await acts.redeliver(house.road, str(silent.delivery_id))
    junk = Delivery("fal", Kind.ANSWER, job.id, status, b"junk", house.clock())
    third = await house.road.refused(junk, Malformed("no JSON"))
    again = await acts.redeliver(house.road, str(third.delivery_id))
    assert again.refusal is not None
    assert again.refusal.slug == "malformed"
    await sealed(house)


def done_answer() -> bytes:
    return json.dumps({"images": [{"url": "https://v3.fal.media/a.png"}], "seed": 1}).encode()


async def test_what_was_not_kept_cannot_be_run(house: House) -> None:
    """Uploads, bodies that were too large, purged and unknown deliveries: a sentence each, and nothing changes."""
    job = await house.place("runware", upload=True)
    await house.client.put(job.uploads[0], content=b"no picture")
    house.clock.ahead(seconds=1)
    await house.client.put(job.uploads[0], content=png())
    big = await house.place()
    await house.post(big, b"x" * (int(house.road.settings.max_body_bytes) + 1))
    ids = [str(row["id"]) for each in (job, big) for row in deliveries(house, each)]
    before = len(house.rows(tables.delivery))
    for each, says in zip(ids, ("put them again", "in the storage already", "MAX_BODY_BYTES"), strict=True):
        with pytest.raises(Impossible, match=says):
            await acts.redeliver(house.road, each)
    with pytest.raises(NoSuchDelivery):
        await acts.redeliver(house.road, "nobody")
    assert len(house.rows(tables.delivery)) == before


async def test_a_purged_delivery_is_gone(house: House) -> None:
    """Of a purged job no bytes are left to be run."""
    job = await house.place()
    await house.fal(job)
    await collect(house)
    await sealed(house)
    [row] = deliveries(house, job)
    purger = purge.Purger(house.road.ledger, house.road.storage, house.clock)
    await purger.begin(await purger.named([job.id]), "by hand")
    with pytest.raises(Impossible, match="purged"):
        await acts.redeliver(house.road, str(row["id"]))


async def test_cancel(house: House) -> None:
    """A job without an end is cancelled, sealed so, and asked about no more; a second time there is nothing to do."""
    job = await house.place()
    house.clock.ahead(minutes=5)
    before = await acts.cancel(house.road, job.id)
    assert (before["status"], before["request_id"]) == ("submitted", job.request_id)
    view = await house.job(job)
    assert (view.status, view.finished_at) == ("cancelled", house.clock())
    assert view.error == {"code": "cancelled", "message": "cancelled by hand before it was sent"}
    assert await house.road.ledger.questions(house.clock() + timedelta(days=1)) == []
    await sealed(house)
    with pytest.raises(Impossible, match="cancelled already"):
        await acts.cancel(house.road, job.id)
    with pytest.raises(NoSuchJob):
        await acts.cancel(house.road, "nobody")


async def test_a_late_word_after_a_cancel(house: House) -> None:
    """Progress and failure are kept as evidence; a picture that was made all the same is collected and delivered."""
    job, lost = await house.place(), await house.place()
    for each in (job, lost):
        await acts.cancel(house.road, each.id)
    await sealed(house)
    await house.fal(lost, done(lost.request_id, status="ERROR", error="boom", payload={}))
    assert (await house.job(lost)).status == "failed"
    assert (await house.fal(job)).json() == {"duplicate": False}
    view = await house.job(job)
    assert (view.status, view.error) == ("succeeded", None)
    await sealed(house)
    await collect(house)
    assert (await house.job(job)).status == "delivered"
    await sealed(house)


async def test_what_has_an_end_is_not_cancelled(house: House) -> None:
    """Neither a job whose images are being collected, nor one that is delivered, failed or expired."""
    job = await house.place()
    await house.fal(job)
    with pytest.raises(Impossible, match="succeeded already"):
        await acts.cancel(house.road, job.id)
    old = await house.place()
    house.clock.ahead(hours=2)
    await house.road.ledger.expired(house.clock())
    with pytest.raises(Impossible, match="expired already"):
        await acts.cancel(house.road, old.id)


async def test_a_cancelled_job_is_never_sent(house: House) -> None:
    """Cancelled between its row and its call, the call is not made, by nobody."""
    row: Opening = opening(new_job_id(), created_at=house.clock(), deadline_at=house.clock() + timedelta(hours=1))
    job_id, _ = await house.road.ledger.opened(row)
    await acts.cancel(house.road, job_id)
    assert await house.road.ledger.called(job_id, house.clock()) is False
    house.clock.ahead(minutes=5)
    assert await house.road.ledger.unsent(house.clock()) == []
    await sealed(house)


async def test_cancel_and_a_callback_at_once(house: House) -> None:
    """Whichever is first, the picture is kept, and the evidence holds."""
    for _ in range(5):
        job = await house.place()
        said = await asyncio.gather(acts.cancel(house.road, job.id), house.fal(job), return_exceptions=True)
        assert not isinstance(said[0], Exception) or isinstance(said[0], Impossible)
        assert (await house.job(job)).status == "succeeded"
    await sealed(house)


async def test_retry_revives_dead_letters(house: House) -> None:
    """A dead letter is due again, and where the end is not known its provider is asked."""
    job, out = await house.place(), await house.place()
    await house.fal(job)
    now = house.clock()
    [task] = await house.road.ledger.leased("worker", now, now + timedelta(minutes=1), 5)
    await house.road.ledger.buried(task, "HTTP 404", now)
    await sealed(house)
    assert await acts.retry(house.road, job.id) == 1
    assert await house.road.ledger.is_due(now)
    assert await acts.retry(house.road, out.id) == 1
    assert [row["id"] for row in await house.road.ledger.questions(now)] == [out.id]
    await sealed(house)
