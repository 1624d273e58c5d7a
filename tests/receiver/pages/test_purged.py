"""The pages of a job that is kept no longer: since when, by whose doing, and no frame without its picture."""

from html import unescape

import httpx
import pytest

from receiver.audit.purge import Purger
from receiver.audit.seal import open_sealer
from receiver.ledger.views import PurgeView
from receiver.road import Road
from tests.receiver.pages.seeding import T0, Clock, Seed


async def purged(road: Road, clock: Clock, job_id: str, why: str, *, whole: bool = True) -> None:
    """Written down and sealed; and done, where it is to come to its end."""
    clock.on(minutes=9)
    purger = Purger(road.ledger, road.storage, clock)
    await purger.begin(await purger.named([job_id]), why)
    if whole:
        await open_sealer(road.ledger, road.settings, clock).work()
        assert await purger.finish() == (1, 1)


@pytest.mark.parametrize(
    ("why", "by"),
    [("RETENTION_DAYS=30", "by retention of 30 days"), ("RETENTION_DAYS=1", "by retention of 1 day")]
    + [(why, why) for why in ("by hand", "older than 9 days, by hand")],
)
def test_whose_doing_a_purge_was(why: str, by: str) -> None:
    """The setting is told in words; what a person did, in theirs."""
    assert PurgeView(T0, why, done=True).by == by


async def test_the_job_says_that_it_was_purged(
    browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """On its page above all else and among what happened; its picture is not asked for any more."""
    job_id = await seed.delivered(prompt="nobody is to read this")
    assert "purged" not in (await browser.get(f"/jobs/{job_id}")).text
    await purged(road, clock, job_id, "RETENTION_DAYS=30")
    page = unescape((await browser.get(f"/jobs/{job_id}")).text)
    assert "Purged on 2026-03-01, by retention of 30 days: prompts, headers and images are gone" in page
    assert '<span class="what">purged <span class="note"><bdi>by retention of 30 days</bdi>' in page
    assert "nobody is to read this" not in page
    assert "<img" not in page
    assert "Save the original" not in page
    assert "are stored" not in page


async def test_its_picture_is_not_there(browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock) -> None:
    """Its address says so, whoever kept it."""
    job_id = await seed.delivered()
    await purged(road, clock, job_id, "by hand")
    assert (await browser.get(f"/jobs/{job_id}/images/1")).status_code == 404


async def test_the_wall_of_jobs_has_no_empty_frame(
    browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """The card says what became of the picture; others keep theirs."""
    gone, kept = await seed.delivered(), await seed.delivered("runware")
    await purged(road, clock, gone, "by hand", whole=False)
    page = (await browser.get("/jobs")).text
    assert f'src="/jobs/{gone}' not in page
    assert '<span class="empty">purged</span>' in page
    assert f'src="/jobs/{kept}' in page


async def test_a_purge_that_is_not_done_says_so(
    browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """Nothing goes before the purge itself is sealed."""
    job_id = await seed.delivered()
    await purged(road, clock, job_id, "by hand", whole=False)
    page = unescape((await browser.get(f"/jobs/{job_id}")).text)
    assert "Purged on 2026-03-01, by hand: prompts, headers and images go as soon as that is sealed" in page
