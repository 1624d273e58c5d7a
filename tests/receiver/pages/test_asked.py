import re
from datetime import timedelta
from html import unescape

import httpx
import pytest

from receiver.errors import Malformed
from receiver.ledger import pacing
from receiver.pages.asked import asked
from tests.receiver.pages.seeding import T0, Seed


def test_an_address_says_what_is_wanted() -> None:
    """Every filter is read, ages from now, times in UTC where they name no zone; and written back as it stood."""
    query = {"q": " boat ", "tag": "a=b", "since": "90min", "until": "2026-03-01T11:00", "view": "table", "after": "x"}
    found = asked(query, T0)
    assert (found.wanted.text, found.wanted.tag, found.after) == ("boat", "a=b", "x")
    assert found.wanted.since == T0 - timedelta(minutes=90)
    assert found.wanted.until == T0 - timedelta(hours=1)
    assert found.query() == "?q=boat&tag=a%3Db&since=90min&until=2026-03-01T11%3A00&view=table"
    assert found.query(tag="", view="", after="y") == "?q=boat&since=90min&until=2026-03-01T11%3A00&after=y"
    assert next((name, value) for name, value, _ in found.words()) == ("words", "boat")


def test_a_junk_address_is_malformed() -> None:
    """Control characters, endless texts and times that are none are named, and become no query."""
    for query in ({"q": "a\x00"}, {"tag": "x" * 201}, {"since": "soon"}, {"view": "wall"}, {"q": "\ud800"}):
        with pytest.raises(Malformed):
            asked(query, T0)


async def test_words_and_tags_find_jobs(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Search looks in prompts and at the start of ids; a filter that is on can be taken away by itself."""
    boat = await seed.opened(prompt="A paper boat in the gutter", tags={"shelf": "spring"})
    tram = await seed.opened(prompt="A tram in the snow")
    for query in ("q=PAPER+boat", f"q={boat[:9]}", "tag=shelf%3Dspring", "tag=shelf"):
        page = (await browser.get(f"/jobs?{query}")).text
        assert boat in page
        assert tram not in page
    page = unescape((await browser.get("/jobs?q=boat&provider=fal&view=table")).text)
    assert '<a href="/jobs?provider=fal&view=table"><span class="unseen">Remove </span>words <b><bdi>boat' in page
    assert 'href="/jobs?q=boat&provider=fal">gallery' in page
    assert "1 job is like this." in page


async def test_a_verdict_finds_the_jobs_that_met_it(browser: httpx.AsyncClient, seed: Seed) -> None:
    """`refused` is every refusal; one verdict is that one."""
    good, bad = await seed.delivered(), await seed.delivered()
    await seed.stale(bad)
    for verdict in ("refused", "stale_timestamp"):
        page = (await browser.get(f"/jobs?verdict={verdict}")).text
        assert bad in page
        assert good not in page


async def test_empty_fields_leave_the_address(browser: httpx.AsyncClient) -> None:
    """What a form sends for nothing does not stay in an address that is to be sent to a colleague."""
    response = await browser.get("/jobs?q=boat&provider=&status=&tag=&since=&until=&verdict=&view=table")
    assert response.status_code == 303
    assert response.headers["location"] == "/jobs?q=boat&view=table"


async def test_a_search_says_how_far_it_looked(
    browser: httpx.AsyncClient, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stopped before it had looked at all says to when, and goes on from there."""
    wanted = await seed.opened(prompt="the only boat")
    for _ in range(6):
        await seed.opened(prompt="a tram")
    monkeypatch.setattr(pacing, "FIRST", 2)
    monkeypatch.setattr(pacing, "MOST", 2)
    page = (await browser.get("/jobs?q=boat")).text
    assert "Looked back to" in page
    assert "no job until then is like this" in page
    for _ in range(6):
        if wanted in page:
            break
        link = re.search(r'href="([^"]+)" rel="next"', page)
        assert link
        page = (await browser.get(unescape(link[1]))).text
    assert wanted in page
