"""Now, Evidence and Setup, as a browser without scripts is given them."""

import re
from html import unescape

import httpx

from receiver.audit.seal import open_sealer
from receiver.ledger.trail_glance import glance
from receiver.ledger.watch import Watch
from receiver.pages.render import environment, warm
from receiver.pages.session import sign_in_link
from receiver.road import Road
from receiver.wire.types import Failure
from tests.receiver.pages.seeding import ADMIN, SECRET, Clock, Seed
from tests.receiver.pages.test_viewer import browsing, with_tokens
from tests.receiver.pages.test_views import HOSTILE


async def seal(road: Road, clock: Clock) -> None:
    await open_sealer(road.ledger, road.settings, clock).work(at_once=True)


def look_anew(road: Road) -> None:
    """Nothing that was counted before is good any more, however slow this machine is at counting."""
    road.ledger._watch = Watch()


def count(page: str, name: str) -> str:
    match = re.search(rf'data-text="counts.{name}">([\d,]+)<', page)
    assert match
    return match[1]


def text(page: str) -> str:
    """What a reader reads."""
    bare = re.sub(r"<(template|title)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+([.,;:])", r"\1", " ".join(unescape(bare).split()))


async def test_an_empty_first_page_teaches_the_command(
    browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """Before anything came the page says what would fill it; with the first order it stops."""
    page = (await browser.get("/")).text
    assert "proofhook submit fal --prompt" in text(page)
    assert "Nothing has come in yet" in text(page)
    await seed.opened()
    clock.on(seconds=2)
    look_anew(road)
    page = (await browser.get("/")).text
    assert re.search(r'<section class="hint"[^>]* hidden>', page)
    assert "1 job is out, the oldest asked for 2 s ago" in text(page)


async def test_now_counts_and_draws(browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock) -> None:
    """Every count stands beside its word and leads to what was counted; the bars are told in words and as a table."""
    job_id = await seed.delivered(prompt="A donut")
    await seed.stale(job_id)
    failed = await seed.opened("vtrix")
    await seed.came(failed, "vtrix", error=Failure("nsfw", "no"))
    await seal(road, clock)
    clock.on(seconds=8)
    page = (await browser.get("/")).text
    assert [count(page, name) for name in ("delivered", "failed", "refused", "waiting", "dead")] == [
        "1",
        "1",
        "1",
        "0",
        "0",
    ]
    for href in ("/jobs?status=delivered", "/jobs?status=failed", "/deliveries?verdict=refused"):
        assert f'href="{href}"' in page
    assert 'role="img" aria-labelledby="says"' in page
    assert "in the last hour: 2 recorded, 0 repeated, 1 refused" in page
    assert re.search(
        r'<tr data-key="2026-03-01T12:00:00\.000000Z"><th scope="row"><time[^>]*>12:00 UTC</time></th>', page
    )
    assert "Last checkpoint 8 s ago" in text(page)
    assert f'<a class="card" data-attr="href:href" href="/jobs/{job_id}">' in page
    assert f'src="/jobs/{job_id}/images/1/thumbnail?v=' in page
    assert "fal 2.6 s 1 job" in text(page)


async def test_now_tells_what_expires_next(browser: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """The image whose URL ends first is named with a countdown, and leads to its job."""
    job_id = await seed.opened()
    await seed.came(job_id)
    clock.on(minutes=6, seconds=50)
    page = (await browser.get("/")).text
    assert "fal, image 1: 3:10" in text(page)
    assert f'href="/jobs/{job_id}"' in page
    assert "1 image waits" in text(page)


async def test_now_leads_to_dead_letters(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """A dead letter is named on the first page with its error and the way to it; without one there is no such place."""
    assert re.search(r'aria-labelledby="stuck" data-if="stuck" hidden>', (await browser.get("/")).text)
    job_id = await seed.opened()
    await seed.came(job_id)
    await seed.buried(job_id, "v3.fal.media answered 403")
    look_anew(road)
    page = (await browser.get("/")).text
    assert count(page, "dead") == "1"
    assert "1 dead letter waits for you" in text(page)
    assert re.search(rf'href="/jobs/{job_id}".*?v3\.fal\.media answered 403', page, re.DOTALL)
    assert not re.search(r'aria-labelledby="stuck" data-if="stuck" hidden>', page)


async def test_evidence_shows_what_is_signed(browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock) -> None:
    """The last note as it is, the key, each newest entry with its kind and job, and the command that checks."""
    assert "Nothing is signed yet" in text((await browser.get("/evidence")).text)
    job_id = await seed.delivered()
    await seal(road, clock)
    found = await glance(road.ledger)
    page = (await browser.get("/evidence")).text
    assert found.signed is not None
    assert found.signed.note.decode() in unescape(page)
    assert found.keys[-1] in unescape(page)
    assert f"{found.entries} entries are sealed and signed" in page
    assert page.count(f'href="/jobs/{job_id}"') == len(found.newest)
    assert {"order", "delivery", "event", "image", "end"} <= set(re.findall(r"<td>([a-z]+)</td>", page))
    assert "proofhook audit verify" in page
    assert page.count("<b>off</b>") == 2


async def test_evidence_names_the_other_places(road: Road, clock: Clock) -> None:
    """Mirror and authority are named when they are on, without a password in their addresses."""
    places = {"checkpoint_mirror_url": "file:/elsewhere", "tsa_url": "https://me:s3cret@tsa.example/tsr"}
    async with browsing(with_tokens(road, **places)) as client:
        await client.get(sign_in_link(road.settings, clock.now))
        page = (await client.get("/evidence")).text
    assert page.count("<b>on</b>") == 2
    assert "file:/elsewhere" in page
    assert "tsa.example" in page
    assert "s3cret" not in page


async def test_rooms_show_strangers_words_as_text(
    browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """A hostile prompt and a hostile error are text, clipped, on the first page as everywhere; no secret is shown."""
    await seed.delivered(prompt=HOSTILE)
    stuck = await seed.opened(prompt=HOSTILE)
    await seed.came(stuck)
    await seed.buried(stuck, HOSTILE)
    await seal(road, clock)
    for where in ("/", "/evidence", "/setup"):
        page = (await browser.get(where)).text
        assert "<script>" not in page
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
        assert "W" * 200 not in page
        assert ADMIN not in page
        assert SECRET not in page
        assert len(page) < 30_000


def test_all_templates_are_ready_soon_after_the_first_page() -> None:
    """Who has opened one page does not wait for the next one to be compiled."""
    warm().join(20)
    assert environment().cache is not None
    assert {name for _, name in environment().cache} == set(environment().list_templates())  # type: ignore[union-attr]


async def test_rooms_stay_small(browser: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """With an hour of traffic the first page is far from 60 KB."""
    for _ in range(20):
        await seed.delivered(prompt="A lighthouse in the fog, " * 10)
        clock.on(minutes=2)
    page = (await browser.get("/")).text
    assert page.count('class="card"') == 13  # twelve, and the form of one
    assert len(page) < 40_000
