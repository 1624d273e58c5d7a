import json
import re
from html import unescape

import httpx
import pytest

from receiver.errors import BadSignature, StaleTimestamp, TooLarge
from receiver.pages import came_in
from receiver.road import Road
from receiver.wire import tokens
from receiver.wire.types import Delivery, Headers, Kind
from tests.receiver.pages.seeding import SECRET, Seed

HOSTILE = "<script>alert('x')</script> \u202eevil\x00\x1b[31m " + "W" * 10_000


async def newest(road: Road) -> str:
    return (await road.ledger.came_in()).deliveries[0].id


async def test_deliveries_are_filtered_by_verdict(browser: httpx.AsyncClient, seed: Seed) -> None:
    """`verdict` takes one verdict, or `refused` for every kind of refusal, newest first; `provider` one provider."""
    job_id, other = await seed.delivered(), await seed.delivered("runware")
    await seed.came(job_id, refusal=TooLarge("too many bytes"), body=b"1")
    await seed.came(job_id, refusal=BadSignature("made with no key of ours"), body=b"2")
    refused = (await browser.get("/deliveries?verdict=refused")).text
    assert refused.index("made with no key of ours") < refused.index("too many bytes")
    assert "capability" not in refused
    only = (await browser.get("/deliveries?verdict=too_large")).text
    assert "too many bytes" in only
    assert "made with no key" not in only
    assert "16.8 MB" in only
    assert "Nothing of this kind" in (await browser.get("/deliveries?verdict=malformed")).text
    of_one = (await browser.get("/deliveries?provider=runware")).text
    assert other in of_one
    assert job_id not in of_one
    assert "No delivery is like this" in (await browser.get("/deliveries?provider=vtrix")).text


@pytest.mark.parametrize("query", ["verdict=%22", "provider=%3Cb%3E", "after=junk"])
async def test_a_filter_that_cannot_be_read_is_400(browser: httpx.AsyncClient, query: str) -> None:
    """A junk filter or cursor is told so."""
    assert (await browser.get(f"/deliveries?{query}")).status_code == 400


async def test_pages_follow_one_another(
    browser: httpx.AsyncClient, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every delivery is on exactly one page, and the link to the next keeps the filters."""
    monkeypatch.setattr(came_in, "PAGE", 2)
    job_id = await seed.delivered()
    for n in range(5):
        await seed.came(job_id, refusal=BadSignature(f"refused {n}"), body=str(n).encode())
    found, where = [], "/deliveries?verdict=bad_signature"
    while where:
        page = (await browser.get(where)).text
        found.append(re.findall(r"refused (\d)", page))
        match = re.search(r'href="([^"]+)" rel="next"', page)
        where = unescape(match[1]) if match else ""
        assert not where or "verdict=bad_signature" in where
    assert found == [["4", "3"], ["2", "1"], ["0"]]


async def test_a_delivery_is_told_whole(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Why, headers as they came, the body pretty and as received, and the command that sends it again."""
    job_id = await seed.opened()
    await seed.came(job_id, headers=((b"content-type", b"application/json"), (b"x-note", b"one")), body=b'{"a":[1,2]}')
    page = unescape((await browser.get(f"/deliveries/{await newest(road)}")).text)
    for said in (
        "that the sender knew the token in the URL is all there is", "<bdi>x-note</bdi></dt><dd><bdi>one</bdi>",
        '{\n  "a": [\n    1,\n    2\n  ]\n}', '>{"a":[1,2]}</pre>', "Why it was believed",
        f"curl -X POST http://pages/hooks/fal/{job_id}.TOKEN", """--data-raw '{"a":[1,2]}'""",
    ):  # fmt: skip
        assert said in page


async def test_what_is_no_text_is_hex(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Bytes that no character set explains are shown as such, the first of them."""
    job_id = await seed.opened()
    await seed.came(job_id, refusal=BadSignature("no"), body=b"\x00\xff\x10bin" * 1000)
    page = (await browser.get(f"/deliveries/{await newest(road)}")).text
    assert "00000000  00ff 1062 696e 00ff 1062 696e 00ff 1062  ...bin...bin...b" in page
    assert "Cut here" in page
    assert len(page) < 60_000


async def test_our_secrets_are_not_repeated(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """A sender that sends our own token or signing secret back does not get it onto a page, in text nor in bytes."""
    job_id = await seed.opened("fireworks")
    token = tokens.mint([SECRET.encode()], "hook", "fireworks", job_id)
    secret = tokens.secret([SECRET.encode()], "fireworks", job_id)
    for body in (json.dumps({"url": f"http://pages/{token}", "s": secret}).encode(), f"\x00{token}{secret}".encode()):
        await seed.came(job_id, "fireworks", refusal=BadSignature("no"), body=body)
        page = (await browser.get(f"/deliveries/{await newest(road)}")).text
        assert token[-43:] not in page
        assert token[-43:].encode().hex(" ", 2)[:20] not in page
        assert secret not in page
        assert "a secret of ours is left out" in page


async def test_what_strangers_wrote_is_text(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Header names and values, body and reason, whatever is in them."""
    job_id = await seed.opened()
    lines = ((b"x-<b>", HOSTILE.replace("\x00", "").encode()), (b"x-evil", b"<script>\xff\x00"))
    for body in (HOSTILE.encode(), json.dumps({"a": HOSTILE}).encode(), b"[" * 100_000):
        await seed.came(job_id, refusal=BadSignature(HOSTILE), headers=lines, body=body)
        response = await browser.get(f"/deliveries/{await newest(road)}")
        assert response.status_code == 200
        assert "<script>" not in response.text
        assert "x-<b>" not in response.text
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", response.text)


async def test_bytes_that_were_not_kept_are_said_to_be_so(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Of what was turned away unread there is a size and no hash, and no command to send it again."""
    job_id = await seed.opened()
    gone = Delivery("fal", Kind.HOOK, job_id, Headers(), b"", seed.clock.on(seconds=1))
    delivery = (await road.refused(gone, BadSignature("unread"), 99)).delivery_id
    page = (await browser.get(f"/deliveries/{delivery}")).text
    assert "its bytes were not kept" in page
    assert "99 bytes" in page
    assert "curl" not in page


async def test_a_stale_one_is_held_against_the_good_ones(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Where no good one came before, either clock may be wrong, and the page says how to tell."""
    job_id = await seed.opened()
    await seed.came(job_id, refusal=StaleTimestamp("old"), headers=((b"x-fal-webhook-timestamp", b"1772366000"),))
    page = (await browser.get("/deliveries?verdict=refused")).text
    assert "None of the deliveries just before was good, so this clock may be wrong" in page


@pytest.mark.parametrize("name", ["5f0c8a52-6d1e-4b7a-9c36-0e2f4a1b8d97", "nothing", "%00", "%3Cscript%3E"])
async def test_a_delivery_that_is_not_there_is_a_404_page(browser: httpx.AsyncClient, name: str) -> None:
    """An unknown id and a junk one are told alike."""
    response = await browser.get(f"/deliveries/{name}")
    assert response.status_code == 404
    assert "No such delivery" in response.text


async def test_a_page_of_refusals_stays_light(browser: httpx.AsyncClient, seed: Seed) -> None:
    """A full page, every line with its reason and its mend, takes less than 60 KB of HTML."""
    job_id = await seed.opened()
    for n in range(5):
        await seed.came(job_id, refusal=StaleTimestamp("signed too long ago"), body=str(n).encode())
    none, five = [len((await browser.get(f"/deliveries?verdict={each}")).content) for each in ("malformed", "refused")]
    assert none + (five - none) / 5 * came_in.PAGE < 60_000
