import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import httpx
import pytest

from receiver.errors import BadSignature, LedgerBusy
from receiver.ledger.ledger import Ledger
from receiver.ledger.shapes import moment
from receiver.pages import views
from receiver.road import Road
from receiver.wire import tokens
from receiver.wire.types import Failure
from tests.receiver.pages.seeding import SECRET, Clock, Seed, png

HOSTILE = "<script>alert('x')</script> \u202eevil\x00\x1b[31m \u0645\u0631\u062d\u0628\u0627 " + "W" * 10_000


async def test_an_empty_page_teaches_the_command(browser: httpx.AsyncClient) -> None:
    """An empty state says what would fill it."""
    page = (await browser.get("/jobs")).text
    assert "proofhook submit fal --prompt" in unescape(page)
    assert "No job yet" in page
    assert "make demo" in (await browser.get("/deliveries")).text


async def test_jobs_hang_newest_first_with_their_pictures(browser: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """A card shows picture, status word and provider; the newest stands first."""
    older = await seed.delivered("runware", prompt="older")
    sha256 = await seed.stored(newer := await seed.opened("fal", prompt="newer"))
    clock.on(seconds=41)
    page = (await browser.get("/jobs")).text
    assert page.index(newer) < page.index(older)
    assert f'src="/jobs/{older}/images/1/thumbnail?v={sha256[:8]}" width="64" height="48" loading="lazy"' in page
    assert "delivered</span>" in page
    assert "runware ·" in page
    assert re.search(r"1 job is out, the oldest for 4\d s\.", page)


@pytest.mark.parametrize(("query", "seen"), [
    ("", {"fal", "runware", "vtrix"}), ("?status=delivered", {"fal", "runware"}), ("?provider=fal", {"fal"}),
    ("?status=submitted&provider=vtrix", {"vtrix"}), ("?status=failed", set()), ("?provider=nobody", set()),
])  # fmt: skip
async def test_filters_narrow_the_jobs(browser: httpx.AsyncClient, seed: Seed, query: str, seen: set[str]) -> None:
    """`status` and `provider` filter, together and alone, and an empty answer leads back."""
    ids = {"fal": await seed.delivered("fal"), "runware": await seed.delivered("runware")}
    ids["vtrix"] = await seed.opened("vtrix")
    page = (await browser.get(f"/jobs{query}")).text
    assert {name for name, job_id in ids.items() if job_id in page} == seen
    assert ("No job is like this" in page) == (not seen)


async def test_pages_follow_one_another(
    browser: httpx.AsyncClient, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every job is on exactly one page, and the link to the next keeps the filters."""
    monkeypatch.setattr(views, "PAGE", {"gallery": 2})
    ids = [await seed.delivered("fal") for _ in range(5)]
    found, where = [], "/jobs?provider=fal"
    while where:
        page = (await browser.get(where)).text
        found.append({job_id for job_id in ids if job_id in page})
        match = re.search(r'href="([^"]+)" rel="next"', page)
        where = unescape(match[1]) if match else ""
        assert not where or "provider=fal" in where
    assert found == [{ids[4], ids[3]}, {ids[2], ids[1]}, {ids[0]}]


async def test_until_may_be_any_zone(browser: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """`until` is RFC 3339 or an age; where nothing is before it, that is said with the way back."""
    job_id = await seed.delivered()
    early = quote((clock.now - timedelta(days=1)).isoformat().replace("+00:00", "+05:00"))
    assert "No job is like this" in (await browser.get(f"/jobs?until={early}")).text
    clock.on(minutes=5)
    for until in (moment(clock.now), "1min"):
        assert job_id in (await browser.get(f"/jobs?until={until}")).text
    assert job_id not in (await browser.get("/jobs?since=1min")).text


@pytest.mark.parametrize("query", [
    "until=yesterday", "until=9999999d", "since=0001-01-01T00:00:00%2B23:00", "status=%00", "view=wall", "after=junk",
    "provider=%3Cscript%3E", "status=" + "a" * 65, "q=%00", "tag=" + "a" * 201,
])  # fmt: skip
async def test_a_filter_that_cannot_be_read_is_400(browser: httpx.AsyncClient, query: str) -> None:
    """A junk filter is told so, in words, and never becomes a query."""
    response = await browser.get(f"/jobs?{query}")
    assert response.status_code == 400
    assert "<script>" not in response.text


async def test_a_job_is_told_whole(browser: httpx.AsyncClient, seed: Seed) -> None:
    """One job: picture, prompt, parameters, image facts, and the way from created to delivered with durations."""
    data = png((640, 480))
    job_id = await seed.delivered(data=data)
    page = (await browser.get(f"/jobs/{job_id}")).text
    for said in (
        "Put a donut next to the flour.", "aspect_ratio", "16:9", "640\u00d7480", "image/png", f"request-{job_id}",
        'width="640" height="480"', "arrived by</dt><dd>download", "stored, hashed and checked, 2.56 s after",
        "+360 ms", "+2.00 s", "+206 ms",
    ):  # fmt: skip
        assert said in page
    assert [page.index(f'"what">{word}') for word in ("created", "submitted", "callback", "finished", "stored")] == (
        sorted(page.index(f'"what">{word}') for word in ("created", "submitted", "callback", "finished", "stored"))
    )
    assert "sig=private" not in page


async def test_a_dead_letter_names_the_command(browser: httpx.AsyncClient, seed: Seed) -> None:
    """An image that nobody fetches any more shows its error and the exact command that helps."""
    job_id = await seed.opened(expected=2)
    await seed.came(job_id, images=2)
    await seed.stored(job_id)
    await seed.buried(job_id, "v3.fal.media answered 403", key="1")
    page = (await browser.get(f"/jobs/{job_id}")).text
    assert f"proofhook retry {job_id}" in page
    assert "v3.fal.media answered 403" in page
    assert "dead letter" in (await browser.get("/jobs")).text
    assert "1 job cannot go on without you" in (await browser.get("/jobs")).text


async def test_refusals_say_why_and_what_to_change(browser: httpx.AsyncClient, seed: Seed) -> None:
    """A refused delivery stands beside the believed ones with reason, repeats and the setting's name."""
    job_id = await seed.delivered()
    await seed.stale(job_id)
    await seed.stale(job_id)
    for where in (f"/jobs/{job_id}", "/deliveries", "/deliveries?verdict=refused"):
        page = (await browser.get(where)).text
        assert "refused: stale timestamp" in page
        assert "signed 412 s ago, limit 300" in page
        assert "TIMESTAMP_TOLERANCE (300 s)" in page
        assert "repeated</dt><dd>1 time" in page


async def test_what_strangers_wrote_is_text(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Prompts, provider's messages and header values are shown as text, clipped, without what reorders or hides."""
    lone = f"\ud800{HOSTILE}"  # JSON can say it, UTF-8 cannot
    job_id = await seed.opened(prompt=lone, params={lone: lone, "n": {"list": [lone]}}, tags={"t": lone})
    await seed.came(job_id, error=Failure(HOSTILE, HOSTILE), headers=((b"x-evil", b"<script>\xff\x00"),))
    await seed.came(job_id, refusal=BadSignature(HOSTILE), body=b"other")
    for where in ("/", "/jobs", f"/jobs/{job_id}", "/deliveries"):
        response = await browser.get(where)
        assert response.status_code == 200
        assert "<script>" not in response.text
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", response.text)
        assert "W" * 900 not in response.text
        assert len(response.content) < 60_000
    assert "&lt;script&gt;" in (await browser.get(f"/jobs/{job_id}")).text


async def test_secrets_are_not_shown(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Neither a capability token nor a header or parameter that is called a secret is on any page."""
    job_id = await seed.opened(params={"webhook_secret": "hush", "nested": {"api_key": "hush"}})
    token = tokens.mint([SECRET.encode()], "hook", "fal", job_id)
    url = f"https://hooks.example/hooks/fal/{token}".encode()
    await seed.came(job_id, headers=((b"referer", url), (b"authorization", b"hush"), (b"x-api-key", b"hush")))
    await seed.came(job_id, refusal=BadSignature(f"sent to /hooks/fal/{token}"), body=b"other")
    job = await road.ledger.job(job_id)
    each = [f"/deliveries/{delivery.id}" for delivery in job.deliveries]
    for where in ("/", "/jobs", f"/jobs/{job_id}", "/deliveries", *each):
        page = (await browser.get(where)).text
        assert token not in page
        assert token[-20:] not in page
        assert "hush" not in page
    assert "(not shown)" in (await browser.get(f"/jobs/{job_id}")).text
    assert "(not shown)" in (await browser.get(each[-1])).text


@pytest.mark.parametrize("name", ["5f0c8a52-6d1e-4b7a-9c36-0e2f4a1b8d97", "nothing", "%00", "..", "%3Cscript%3E"])
async def test_a_job_that_is_not_there_is_a_404_page(browser: httpx.AsyncClient, name: str) -> None:
    """An unknown id and a junk one are told alike, and led back."""
    response = await browser.get(f"/jobs/{name}")
    assert response.status_code == 404 or response.url.path == "/"
    assert "<script>" not in response.text


async def test_a_busy_ledger_is_a_503_page(browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """We are at fault: the page says so, and when to come back."""

    async def busy(_ledger: Ledger, **_wanted: object) -> None:
        raise LedgerBusy("the database does not answer right now")

    monkeypatch.setattr(Ledger, "jobs", busy)
    response = await browser.get("/jobs")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "The database does not answer right now." in response.text
    told = await browser.get("/jobs", headers={"accept": "application/json"})
    assert told.json() == {"error": "try_later", "detail": "the database does not answer right now"}


@pytest.mark.parametrize("view", ["gallery", "table"])
async def test_pages_stay_light(browser: httpx.AsyncClient, seed: Seed, view: str) -> None:
    """A hundred jobs take less than 60 KB of HTML, pictures or table; so does a page of deliveries."""
    for _ in range(10):
        await seed.delivered(prompt="A lighthouse in the fog, " * 10)
    none, ten = [len((await browser.get(f"/jobs?provider={name}&view={view}")).content) for name in ("vtrix", "fal")]
    assert none + (ten - none) / 10 * 100 < 60_000
