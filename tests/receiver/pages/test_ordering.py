"""Ordering from pages: a form, an old order to change, a test job; the row is opened and nothing is called."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver import registry
from receiver.ledger.rules import Standing
from receiver.pages import forms
from receiver.pages.ordering import test_order as plain_order
from receiver.road import Road
from receiver.wire.types import Failure
from tests.receiver.pages.seeding import Clock, Seed, png
from tests.receiver.pages.test_actions import token
from tests.receiver.pages.test_door import enter
from tests.receiver.pages.test_viewer import VIEWER, browsing, with_tokens

URL = "https://pictures.example/in.png"


async def send(browser: httpx.AsyncClient, where: str = "/jobs/new", files: Any = (), **fields: str) -> httpx.Response:
    """The form as a browser sends it."""
    given = {"form_token": await token(browser, where), "provider": "runware", "n": "1", **fields}
    return await browser.post("/jobs/new", data=given, files=list(files) or {"files": ("", b"")})


async def test_a_form_is_an_order(browser: httpx.AsyncClient, road: Road, clock: Clock) -> None:
    """Every field reaches the order; the row is due at once and leads to its page, which says what is to come."""
    fields = {
        "prompt": "a donut\r\nand flour", "images": f" {URL}\r\n\r\n", "aspect_ratio": "16:9", "seed": str(2**62),
        "output_format": "png", "n": "2", "safety": "0", "upsample": "no", "upload": "yes", "params": "ttl=600",
        "tags": "shelf=spring\r\n",
    }  # fmt: skip
    sent = await send(browser, files=[("files", ("kitchen.png", png(), "text/html"))], **fields)
    [row] = await road.ledger.unsent(clock.now)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/jobs/{row['id']}?did=order")
    order = row["order_json"]
    assert [each.get("url") or each["name"] for each in order.pop("images")] == [URL, "kitchen.png"]
    assert order == {
        "prompt": "a donut\nand flour", "aspect_ratio": "16:9", "seed": 2**62, "output_format": "png", "count": 2,
        "safety": 0, "upsample": False, "model": None, "upload": True, "extra": {"ttl": 600},
    }  # fmt: skip
    assert row["tags"] == {"shelf": "spring"}
    page = (await browser.get(sent.headers["location"])).text
    assert 'role="status">Ordered.' in page
    assert "and runware has not taken it yet" in page


async def test_a_form_sent_twice_is_one_job(browser: httpx.AsyncClient, road: Road) -> None:
    """A second press, or a page loaded again, costs nothing; changed and sent again it is another order."""
    first = await send(browser, prompt="a donut", once="x")
    again = await send(browser, prompt="a donut", once="x")
    assert first.headers["location"] == again.headers["location"]
    other = await send(browser, prompt="a bagel", once="x")
    assert other.headers["location"] != first.headers["location"]
    assert len(await road.ledger.jobs()) == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prompt": ""}, "positivePrompt (“Prompt”) is missing"),
        ({"prompt": "tea", "seed": "seven"}, "“Seed” is a whole number"),
        ({"prompt": "tea", "images": "kitchen.png"}, "“Input images”: write a URL"),
        ({"prompt": "tea", "params": "strenght=1"}, "there is no parameter strenght"),
        ({"prompt": "tea", "params": "apiKey=(not shown)"}, "“Further parameters” apiKey: write its value"),
        ({"prompt": "tea", "tags": "spring"}, "“Tags” spring: write key=value"),
        ({"prompt": "tea", "provider": "nobody"}, "there is no provider"),
        ({"prompt": "tea", "provider": "vtrix", "upload": "yes"}, "cannot put images to us; leave out “Put to us”"),
    ],
    ids=lambda value: str(value)[:48],
)
async def test_a_bad_order_is_the_form_again(
    browser: httpx.AsyncClient, road: Road, fields: dict[str, str], says: str
) -> None:
    """400, the sentence in the form's own words beside it, what was typed still there, and nothing written."""
    answer = await send(browser, **{"aspect_ratio": "16:9", **fields}, files=[("files", ("mine.png", png()))])
    assert answer.status_code == 400
    text = re.sub(r"\s+", " ", answer.text.replace("&#39;", "'"))
    assert says in text
    assert 'value="16:9"' in text
    assert all(value in text for name, value in fields.items() if name not in {"provider", "upload"})
    assert "Choose again the 1 file" in text
    assert await road.ledger.jobs() == []


async def test_an_old_order_is_changed_and_sent_again(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Its fields stand in the form, its pictures with a tick, its secrets masked; what is left is taken as it was."""
    held = await road.storage.put(png())
    images = [{"sha256": held.sha256, "media_type": "image/png", "name": "kitchen.png"}, {"url": URL}]
    extra = {"seed_token": "hush", "ttl": 600, "note": "7", "safety": {"mode": "fast"}}
    order = {"prompt": "a donut", "seed": 7, "count": 2, "upsample": False, "images": images, "extra": extra}
    old = await seed.opened("runware", order=order, tags={"shelf": "spring"})
    page = await browser.get(f"/jobs/{old}")
    assert f'href="/jobs/new?from={old}"' in page.text
    form = (await browser.get(f"/jobs/new?from={old}")).text
    assert "hush" not in page.text + form
    for shown in (
        "a donut</textarea>", f"{URL}</textarea>", 'value="7"', 'value="2"', 'id="keep-1"', f"/jobs/{old}/inputs/1",
        "seed_token=(not shown)\nttl=600\nnote=&#34;7&#34;\nsafety.mode=fast",
        "shelf=spring</textarea>",
    ):  # fmt: skip
        assert shown in form
    params = "safety.mode=fast\nttl=60"
    sent = await send(browser, **{"from": old, "prompt": "a bagel", "keep-1": "yes", "params": params})
    new = (await road.ledger.job(sent.headers["location"][6:42])).order
    assert (new["prompt"], new["images"]) == ("a bagel", images[:1])
    assert new["extra"] == {"safety": {"mode": "fast"}, "ttl": 60}
    masked = await send(browser, **{"from": old, "prompt": "a bagel", "params": "seed_token=(not shown)"})
    assert "there is no parameter seed_token" in masked.text  # the old value went to the provider's rules
    assert "hush" not in masked.text


async def test_a_kept_picture_that_is_gone_is_a_sentence(
    browser: httpx.AsyncClient, seed: Seed, road: Road, tmp_path: Path
) -> None:
    """What is not in the storage any more cannot be sent again, and the page says which."""
    held = await road.storage.put(png())
    images = [{"sha256": held.sha256, "media_type": "image/png", "name": "kitchen.png"}]
    old = await seed.opened("runware", order={"prompt": "a donut", "images": images})
    for file in (tmp_path / "images").rglob(held.sha256):
        file.unlink()
    assert "Not held any more, so not sent again: <bdi>kitchen.png" in (await browser.get(f"/jobs/new?from={old}")).text
    answer = await send(browser, **{"from": old, "prompt": "a donut", "keep-1": "yes"})
    assert (answer.status_code, f"input 1 of job {old} is not held any more" in answer.text) == (400, True)


@pytest.mark.parametrize("name", sorted(registry.providers()))
async def test_the_test_job(name: str, browser: httpx.AsyncClient, road: Road, clock: Clock) -> None:
    """Setup says where it goes and what it costs; one press, or two, is one job that this provider takes."""
    setup = (await browser.get("/setup")).text
    form = (await browser.get(f"/jobs/new?provider={name}")).text
    assert re.findall(r'value="(\w+)" selected', form)[0] == name
    assert f'action="/setup/{name}/test"' in setup
    assert registry.provider(name).api in setup
    assert "costs what a picture costs there" in setup
    fields = {"form_token": await token(browser, "/setup"), "once": "x"}
    sent = [await browser.post(f"/setup/{name}/test", data=fields) for _ in range(2)]
    [row] = await road.ledger.unsent(clock.now)
    assert {each.headers["location"] for each in sent} == {f"/jobs/{row['id']}?did=order"}
    assert (row["provider"], row["tags"]) == (name, {"test": "setup"})
    registry.provider(name).prepare(plain_order(registry.provider(name)))


async def test_why_it_is_not_sent_yet_stands_on_its_page(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """The reason the reconciler noted is told as a sentence; of a job that has ended the code stands as before."""
    sent = await send(browser, prompt="a donut")
    job_id = sent.headers["location"][6:42]
    await road.ledger.held_up(job_id, Failure("not_sent_yet", "FAL_KEY is not set. Set it"), seed.clock.on(seconds=1))
    page = (await browser.get(f"/jobs/{job_id}")).text
    assert "<h2>Not sent yet</h2>" in page
    assert "FAL_KEY is not set. Set it." in page
    assert "and not sent yet. If nothing comes" in page
    await road.ledger.failed(job_id, Failure("no", "No."), seed.clock.now, Standing.FAILED)
    assert "Not sent yet" not in (await browser.get(f"/jobs/{job_id}")).text


async def test_a_viewer_orders_nothing(road: Road, seed: Seed) -> None:
    """No button and no form for VIEWER_TOKEN; what is sent all the same is refused in words."""
    job_id = await seed.delivered()
    async with browsing(with_tokens(road)) as client:
        await enter(client, VIEWER)
        for where in ("/jobs", "/setup", f"/jobs/{job_id}", f"/jobs/new?from={job_id}"):
            page = (await client.get(where)).text
            assert '<form class="order"' not in page
            assert "/jobs/new" not in page.partition("<main")[2]
            assert "Send a test job" not in page
        for action in ("/jobs/new", "/setup/fal/test"):
            answer = await client.post(action, data={"form_token": await token(client, "/jobs"), "prompt": "x"})
            assert (answer.status_code, "VIEWER_TOKEN" in answer.text) == (403, True)
    assert len(await road.ledger.jobs()) == 1


async def test_an_order_wants_the_form(browser: httpx.AsyncClient, road: Road) -> None:
    """Another site's form orders nothing: neither with a file nor without one."""
    for files in ({"files": ("a.png", png())}, None):
        answer = await browser.post("/jobs/new", data={"provider": "runware", "prompt": "x"}, files=files)
        assert answer.status_code == 403
    assert await road.ledger.jobs() == []


async def test_a_form_is_bounded(browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, road: Road) -> None:
    """More bytes, files or letters than a form may have, or no form at all, is refused; nothing is kept of it."""
    monkeypatch.setattr(forms, "MOST_ORDER_BYTES", 100_000)
    big = await browser.post("/jobs/new", files={"files": ("a.png", b"x" * 200_000)})
    many = await browser.post("/jobs/new", files=[("files", (f"{n}.png", b"x")) for n in range(20)])
    long = await browser.post("/jobs/new", files={"a": ("", "x" * 90_000)})
    junk = await browser.post("/jobs/new", content=b"--", headers={"content-type": "multipart/form-data"})
    assert [each.status_code for each in (big, many, junk)] == [413, 400, 400]
    assert long.status_code == 403
    assert await road.ledger.jobs() == []
