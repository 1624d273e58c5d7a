"""Retention: what people wrote goes, the leaf stays, the purge is sealed first, and a false one is named."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from receiver.audit.findings import Report
from receiver.audit.purge import Purger
from receiver.audit.seal import open_sealer
from receiver.audit.verify import Verifier
from receiver.errors import BadOrder, BadSignature, NoSuchJob
from receiver.ledger import purging, tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.tasks import Collected
from receiver.ledger.trail_tables import trail
from receiver.settings import Settings
from receiver.storage import Memory
from tests.receiver.house import configured, png
from tests.receiver.ledger.ledgers import (
    NOW,
    acknowledged,
    arrival,
    image,
    opened,
    refused,
    rows,
    sha,
    success,
)

LATER = NOW + timedelta(days=40)
SECRET = "a prompt that nobody is to read"


@dataclass
class Kept:
    """A ledger with its storage, sealed and verified by hand; `now` is the time of purges."""

    ledger: Ledger
    settings: Settings
    storage: Memory = field(default_factory=Memory)
    now: datetime = LATER

    @property
    def purger(self) -> Purger:
        return Purger(self.ledger, self.storage, lambda: self.now)

    async def delivered(self, request_id: str, data: bytes, **other: Any) -> str:
        """A job with one stored picture, of that request."""
        facts = {"order": {"prompt": SECRET, "images": []}, "params": {"prompt": SECRET}, "tags": {"who": SECRET}}
        job_id = await opened(self.ledger, **(facts | other))
        await self.ledger.noted(job_id, acknowledged(request_id), NOW)
        said = success(image(cost="0.04"), request_id=request_id)
        await self.ledger.record(arrival(job_id, said, body=SECRET.encode()))
        stored = await self.storage.put(data)
        [task] = await self.ledger.leased("w", NOW, NOW + timedelta(minutes=1), 9)
        await self.ledger.stored(task, Collected(stored.sha256, "image/png", 8, 6, len(data), "download"), NOW)
        return job_id

    async def sealed(self) -> None:
        await open_sealer(self.ledger, self.settings, lambda: self.now).work()

    async def purged(self, *jobs: str) -> tuple[int, int]:
        await self.purger.begin(await self.purger.named(jobs), "by hand")
        await self.sealed()
        return await self.purger.finish()

    async def checked(self) -> Report:
        report = Report()
        await Verifier(self.ledger, self.storage, self.settings, lambda: self.now).run(report, deep=True)
        return report

    async def edited(self, table: Any, **values: Any) -> None:
        await self.ledger.fact(lambda c: c.execute(update(table).values(values)))


@pytest.fixture
async def kept(ledger: Ledger, database_url: str, tmp_path: Path) -> Kept:
    return Kept(ledger, configured(tmp_path, database_url=database_url))


def everything(ledger: Ledger) -> str:
    """All that stands in the ledger, as text."""
    names = (tables.job, tables.delivery, tables.image, tables.event, tables.task, tables.purge, trail)
    return repr([rows(ledger, table) for table in names])


async def test_what_is_purged_is_gone_and_the_rest_still_verifies(kept: Kept) -> None:
    """No prompt, header, URL or salt is left, nor the picture; the other job is whole, and `verify` says purged on."""
    mine = await kept.delivered("a", png(color="red"))
    other = await kept.delivered("b", png(color="blue"), tags={}, params={}, order={"prompt": "a donut", "images": []})
    await kept.ledger.fact(lambda c: c.execute(update(tables.delivery).values(body=b"{}", body_sha256=sha(b"{}"))))
    await kept.sealed()
    before = {row["n"]: row["hash"] for row in rows(kept.ledger, trail)}

    assert await kept.purged(mine) == (1, 1)

    assert SECRET not in everything(kept.ledger)
    assert "fal.media" not in repr(rows(kept.ledger, tables.image, job_id=mine))
    assert await kept.storage.has(sha(png(color="blue")))
    assert not await kept.storage.has(sha(png(color="red")))
    after = {row["n"]: row["hash"] for row in rows(kept.ledger, trail)}
    assert before.items() <= after.items()
    report = await kept.checked()
    assert report.findings == []
    assert report.checked["bodies purged"] == report.checked["images purged"] == 1
    assert [note for note in report.noted if f"job {mine} was purged on 2026-12-30 (by hand)" in note]
    assert not [note for note in report.noted if other in note]


async def test_nothing_is_gone_before_the_purge_is_sealed(kept: Kept) -> None:
    """Whoever dies right after the first step has lost nothing; the next one finishes it, once."""
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.purger.begin(await kept.purger.named([job]), "by hand")

    assert await kept.purger.finish() == (0, 0)
    assert SECRET in everything(kept.ledger)
    assert await kept.storage.has(sha(png()))
    assert (await kept.checked()).findings == []

    await kept.sealed()
    assert await kept.purger.finish() == (1, 1)
    assert await kept.purger.finish() == (0, 0)
    assert (await kept.checked()).findings == []


async def test_a_death_between_rows_and_files_is_finished(kept: Kept) -> None:
    """Rows are empty, the file is still there: the next look knows which, although the rows no longer say."""
    job = await kept.delivered("a", png(), order={"prompt": "x", "images": [{"sha256": sha(b"input")}]})
    await kept.storage.put(b"input")
    await kept.sealed()
    await kept.purger.begin(await kept.purger.named([job]), "by hand")
    await kept.sealed()
    await kept.ledger.fact(lambda c: purging.empty(c, [job], LATER))
    assert (await kept.checked()).findings == []

    assert await kept.purger.finish() == (1, 2)
    assert not await kept.storage.has(sha(b"input"))


async def test_nothing_unsealed_is_emptied(kept: Kept) -> None:
    """A delivery that came meanwhile is sealed as it came first, and the purge once more behind it."""
    kept.now = NOW
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.purger.begin(await kept.purger.named([job]), "by hand")
    await kept.sealed()
    await kept.ledger.record(arrival(job, success(image("1"), request_id="a", name="again"), body=b"late"))

    assert await kept.purger.finish() == (0, 0)
    await kept.sealed()
    kept.now += timedelta(minutes=1)
    assert await kept.purger.finish() == (0, 0)
    assert b"late" in [row["body"] for row in rows(kept.ledger, tables.delivery)]
    await kept.sealed()
    assert await kept.purger.finish() == (1, 1)
    assert b"late" not in [row["body"] for row in rows(kept.ledger, tables.delivery)]
    assert (await kept.checked()).findings == []


async def test_a_false_purge_is_named(kept: Kept) -> None:
    """Rows that were emptied, and salts, without a sealed purge: changed and missing, not purged."""
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.ledger.fact(lambda c: purging._emptied(c, job, purging._names(c, job)))
    await kept.storage.delete(sha(png()))

    found = (await kept.checked()).findings
    assert {each.what for each in found} == {"changed", "missing"}
    assert len(found) >= 5


async def test_a_row_that_is_filled_again_is_named(kept: Kept) -> None:
    """After a purge a row says nothing where it said something; plain columns are as sealed."""
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.purged(job)

    await kept.edited(tables.job, params={"prompt": "something else"})
    await kept.edited(tables.image, width=9)
    found = {each.where: each.detail for each in (await kept.checked()).findings}
    assert sorted(found) == [f"image {job}/0", f"order {job}"]
    assert found[f"order {job}"].startswith("params is")
    assert found[f"image {job}/0"].startswith("width is")


async def test_a_purged_row_that_is_taken_away_is_named(kept: Kept) -> None:
    """That little is left of it does not make it less of a row."""
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.purged(job)
    [delivery] = rows(kept.ledger, tables.delivery)
    await kept.ledger.fact(lambda c: c.execute(tables.delivery.delete()))
    found = {(each.what, each.where) for each in (await kept.checked()).findings}
    assert ("removed", f"delivery {delivery['id']}") in found


async def test_the_purge_row_is_evidence(kept: Kept) -> None:
    """Neither its day nor its reason can be changed, nor the row be removed."""
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.purged(job)
    await kept.edited(tables.purge, why="the law")
    assert [each.where for each in (await kept.checked()).findings] == [f"purge {job}"]
    await kept.ledger.fact(lambda c: c.execute(tables.purge.delete()))
    assert [(each.what, each.where) for each in (await kept.checked()).findings] == [("removed", f"purge {job}")]


async def test_files_that_others_need_stay(kept: Kept) -> None:
    """The same picture as another job's result, or as its input; gone with the last who needs it."""
    first = await kept.delivered("a", png())
    second = await kept.delivered("b", png())
    third = await kept.delivered("c", png(color="red"), order={"prompt": "x", "images": [{"sha256": sha(png())}]})
    await kept.sealed()
    assert await kept.purged(first) == (1, 0)
    assert await kept.purged(second) == (1, 0)
    assert (await kept.checked()).findings == []
    assert [row["files"] for row in rows(kept.ledger, tables.purge)] == [0, 0]
    assert await kept.purged(third) == (1, 2)
    assert (await kept.checked()).findings == []


async def test_a_body_in_storage_goes_and_one_that_others_have_stays(kept: Kept) -> None:
    """Uploads and large bodies stand in storage by their hash."""
    await kept.storage.put(b"big")
    jobs = [await kept.delivered(name, png(color=name)) for name in ("red", "blue")]
    for job in jobs:
        await kept.ledger.record(arrival(job, success(name="n", request_id="z"), body=b"", body_sha256=sha(b"big")))
    await kept.sealed()
    assert await kept.purged(jobs[0]) == (1, 1)
    assert await kept.storage.has(sha(b"big"))
    assert await kept.purged(jobs[1]) == (1, 2)
    assert not await kept.storage.has(sha(b"big"))


async def test_which_jobs_are_due(kept: Kept) -> None:
    """Those that ended long enough ago and of which nothing came since; not open ones, nor what is being collected."""
    old = await kept.delivered("a", png())
    await opened(kept.ledger)
    collecting = await opened(kept.ledger)
    await kept.ledger.record(arrival(collecting, success(image())))
    ids = [job.id for job in await kept.purger.due(39)]
    assert ids == [old]
    assert await kept.purger.due(40) == []
    await kept.sealed()
    assert await kept.purger.begin(await kept.purger.due(30), "RETENTION_DAYS=30") == 1
    assert await kept.purger.due(30) == []
    with pytest.raises(BadOrder, match="not ended"):
        await kept.purger.named([collecting])
    with pytest.raises(BadOrder, match="purged already"):
        await kept.purger.named([old])
    with pytest.raises(NoSuchJob):
        await kept.purger.named(["none"])


async def test_what_comes_after_a_purge_is_purged_later(kept: Kept) -> None:
    """A late callback is kept and sealed like any other, until it is old enough itself."""
    job = await kept.delivered("a", png())
    kept.now = NOW - timedelta(seconds=1)  # so that what comes at NOW is after it
    await kept.sealed()
    await kept.purged(job)
    await kept.ledger.record(refused(job, BadSignature("late"), body=b"late " + SECRET.encode()))
    kept.now = LATER
    await kept.sealed()
    assert SECRET in everything(kept.ledger)
    assert [each.id for each in await kept.purger.due(30)] == [job]
    await kept.purged(job)
    assert SECRET not in everything(kept.ledger)
    assert (await kept.checked()).findings == []


async def test_a_purged_job_cannot_be_taken_up_again(kept: Kept) -> None:
    """There is nothing left to ask by; it says since when."""
    job = await kept.delivered("a", png())
    await kept.sealed()
    await kept.purged(job)
    with pytest.raises(NoSuchJob, match="purged on 2026-12-30"):
        await kept.ledger.retried(job, kept.now)
