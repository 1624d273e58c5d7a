"""What strangers write is text: on every page, at every width, and nothing in it comes alive."""

import unicodedata
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Watch, overflow
from tests.browser.conftest import Windows
from tests.browser.scenes import HOSTILE
from tests.browser.still import Still
from tests.receiver.pages.seeding import ADMIN

PAGES = (
    "/", "/jobs", "/jobs?view=table", "/jobs/{failed}", "/jobs/{dead}", "/jobs/{delivered}", "/jobs/{refused}",
    "/jobs/{failed}/reveals", "/jobs/new?from={failed}", "/deliveries", "/deliveries/{failure}",
    "/deliveries/{refusal}",
)  # fmt: skip
NUMB = set("\n\t")


def plain(page: Page) -> None:
    """No element came of the texts, no script ran, and no character is left that is unseen or turns others round."""
    assert page.evaluate("window.canary") is None
    assert page.locator("[data-canary], img[src='x'], script:not([src])").count() == 0
    shown = page.evaluate("document.documentElement.textContent") + page.title()
    odd = {
        letter
        for letter in shown
        if (unicodedata.category(letter) == "Cc" and letter not in NUMB) or letter in "\u202a\u202b\u202d\u202e\u2066"
    }
    assert odd == set()


@pytest.mark.parametrize("path", PAGES)
def test_hostile_texts_are_texts(path: str, hostile_house: Still, signed_in: Windows) -> None:
    """Markup, direction marks, control characters and 10,000 letters stand there as text, and bend no page."""
    page = signed_in(hostile_house, viewport={"width": 360, "height": 740})
    page.goto(path.format(**hostile_house.names))
    if path == "/":
        expect(page.get_by_role("status")).to_contain_text("Connected")
    for summary in page.locator("summary").all():
        summary.click()
    assert "<script>" in page.locator("main").inner_text()
    plain(page)
    assert overflow(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})
    assert overflow(page) == []


ADDRESSES = (
    "/jobs?q=<script>canary=1</script>", "/jobs?status=<script>canary=1</script>", "/jobs?tag=\u202e%00x",
    "/jobs/<img src=x onerror=canary=1>", "/deliveries?verdict=\u202ex", "/sign-in?ticket=<script>canary=1</script>",
)  # fmt: skip


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_hostile_address_is_a_sentence(
    path: str, hostile_house: Still, signed_in: Windows, watches: list[Watch]
) -> None:
    """What an address holds never comes alive on the page that refuses it."""
    page = signed_in(hostile_house, viewport={"width": 360, "height": 740})
    watches[-1].forgive("status of 40")
    page.goto(path)
    plain(page)
    assert overflow(page) == []


def told(house: Still, path: str) -> httpx.Response:
    """What a program is told."""
    headers = {"authorization": f"Bearer {ADMIN}", "accept": "text/html"}
    return httpx.get(f"{house.origin}{path.format(**house.names)}", headers=headers, trust_env=False)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/jobs/{failed}", "/api/v1/deliveries/{failure}"])
def test_programs_get_hostile_texts_whole(path: str, hostile_house: Still) -> None:
    """The API gives every letter as it came, as JSON that no browser takes for a page."""
    answer = told(hostile_house, path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    texts = list(strings(answer.json()))
    assert {HOSTILE, HOSTILE.translate(dict.fromkeys(map(ord, "\r\n\x00")))} & set(texts)


def strings(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        return [text for each in (*value, *value.values()) for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


def test_metrics_have_no_word_of_a_stranger(hostile_house: Still) -> None:
    """Labels are our own words: neither a made-up provider nor a hostile prompt, header or reason becomes one."""
    for door in ("/hooks/%3Cscript%3E/x", "/hooks/x%22%7D%201%0Aevil/x", "/uploads/fal/%3Cscript%3E"):
        method = "PUT" if "uploads" in door else "POST"
        answer = httpx.request(method, f"{hostile_house.origin}{door}", content=b"{}", trust_env=False)
        assert answer.status_code == 404
    answer = told(hostile_house, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "proofhook_deliveries_total" in answer.text
    assert not any(word in answer.text for word in ("<script", "canary", "evil", "WWWW"))
