"""The door, as a person meets it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import Windows
from tests.browser.live import ADMIN, Live

DEEP = "/deliveries?verdict=refused"


def typed(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_token_is_refused_in_words_and_the_right_one_leads_on(
    live: Live, window: Windows, watches: list[Watch]
) -> None:
    """A wrong token opens nothing and says where the right one is; the right one leads to the page that was wanted."""
    page = window(live)
    watches[-1].forgive("status of 401")
    page.goto(DEEP)
    typed(page, "not the token")
    expect(page.get_by_role("alert")).to_contain_text("ADMIN_TOKEN")
    expect(page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
    assert page.context.cookies() == []
    typed(page, ADMIN)
    expect(page).to_have_url(f"{live.origin}{DEEP}")


def test_signing_out_closes_every_page(live: Live, signed_in: Windows) -> None:
    """After signing out no page opens, not even by going back."""
    page = signed_in(live)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{live.origin}/sign-in")
    page.go_back()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_cookie_is_out_of_reach(live: Live, signed_in: Windows) -> None:
    """A script could not read the session, and another site's request does not carry it."""
    page = signed_in(live)
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("path", ["/", "/jobs", "/deliveries", "/evidence", "/setup", "/events", "/jobs/0f14189f"])
def test_a_stranger_is_sent_to_the_door(path: str, live: Live, window: Windows) -> None:
    """No page opens without a token."""
    page = window(live)
    page.goto(path)
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
