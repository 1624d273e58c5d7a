"""The setup page: what each provider did, and what the doctor finds when it is asked."""

import asyncio

import httpx
import pytest

from receiver.doctor import Check
from receiver.pages import checkup
from receiver.pages.session import sign_in_link
from receiver.road import Road
from tests.receiver.pages.seeding import Clock, Seed
from tests.receiver.pages.test_rooms import text
from tests.receiver.pages.test_viewer import browsing, with_tokens

FOUND = (
    Check("clock", "good", "the clock is right"),
    Check("disk", "unknown", "the disk's size cannot be told"),
    Check("public URL", "bad", "<script> answered 502", "PUBLIC_URL: see `proofhook settings`"),
)


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A doctor who calls nobody, and what he was asked about."""
    made: list[str] = []

    async def checks(settings: object, ledger: object, storage: object) -> list[Check]:
        made.append(type(storage).__name__)
        await asyncio.sleep(0)
        return list(FOUND)

    monkeypatch.setattr(checkup, "checks", checks)
    return made


async def test_the_doctor_is_asked_by_a_button_only(browser: httpx.AsyncClient, visits: list[str]) -> None:
    """Loading the page calls nobody; the button does, and what is bad stands first, with the mend."""
    page = (await browser.get("/setup")).text
    assert "Check now" in page
    assert not visits
    page = (await browser.get("/setup?check=now")).text
    assert len(visits) == 1
    assert "1 of 3 checks found something wrong" in text(page)
    assert page.index("public URL") < page.index("disk&#39;s size") < page.index("the clock is right")
    assert "&lt;script&gt; answered 502" in page
    assert '<code class="command">proofhook settings</code>' in page


async def test_the_doctor_looks_once_for_many(browser: httpx.AsyncClient, visits: list[str], clock: Clock) -> None:
    """Pages loaded at once, and soon after, share one look: nobody can have us call others without end."""
    await asyncio.gather(*(browser.get("/setup?check=now") for _ in range(4)))
    clock.on(seconds=29)
    await browser.get("/setup?check=now")
    assert len(visits) == 1
    clock.on(seconds=1)
    await browser.get("/setup?check=now")
    assert len(visits) == 2


async def test_setup_tells_what_each_provider_did(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Per provider: what is known of its key, where it calls, what was heard last and refused last with what to do."""
    page = text((await browser.get("/setup")).text)
    assert page.count("this process never reads") == 4
    assert "FAL_KEY" in page
    job_id = await seed.delivered("fal")
    await seed.stale(job_id)
    page = text((await browser.get("/setup")).text)
    assert page.count("this process never reads") == 3
    assert "It worked: a job was taken" in page
    assert "http://pages/hooks/fal/…" in page
    assert "http://pages/uploads/runware/…" in page
    assert "It has no callbacks: it is asked instead" in page
    assert "refused: stale timestamp" in page
    assert "signed 412 s ago, limit 300" in page
    assert "TIMESTAMP_TOLERANCE (300 s)" in page


@pytest.mark.parametrize(("public", "said"), [
    ("http://127.0.0.1:8000", "this machine or its network"), ("http://hooks.example.com", "plain http"),
    ("https://hooks.example.com", "nobody can guess"),
])  # fmt: skip
async def test_setup_says_whether_providers_can_reach_us(road: Road, clock: Clock, public: str, said: str) -> None:
    """The address is judged as far as it can be without calling it."""
    async with browsing(with_tokens(road, public_url=public)) as client:
        await client.get(sign_in_link(road.settings, clock.now).replace("http://pages", ""))
        page = text((await client.get("/setup")).text)
    assert said in page
    assert ("Set PUBLIC_URL" in page) == ("nobody" not in said)
