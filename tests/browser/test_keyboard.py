"""The main path without a mouse: every step is reached by Tab, and the focus is always seen."""

import re

from playwright.sync_api import Page, expect

from tests.browser.chromium import focused, tab_to
from tests.browser.conftest import Windows
from tests.browser.still import Still
from tests.receiver.pages.seeding import ADMIN


def enter(page: Page) -> None:
    """Press Enter on what leads to another page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_from_the_door_to_a_picture_and_out(still: Still, window: Windows) -> None:
    """Sign in, jobs, one job, its picture, and sign out again: Tab and Enter are enough."""
    page = window(still)
    page.clock.set_fixed_time(still.clock.now)
    page.goto("/sign-in")
    assert focused(page) == "token"
    page.keyboard.type(ADMIN)
    enter(page)
    tab_to(page, "Skip to the content")
    tab_to(page, "Jobs")
    enter(page)
    tab_to(page, "Morning fog over the allotments")
    enter(page)
    expect(page).to_have_url(re.compile(still.names["delivered 4"]))
    tab_to(page, "Sign out")
    enter(page)
    expect(page).to_have_url(f"{still.origin}/sign-in")


def test_why_proof_and_curl_without_a_mouse(still: Still, signed_in: Windows) -> None:
    """On a job's page why it was believed, its proof, and the way to raw bytes and curl, which a key copies."""
    page = signed_in(still)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/jobs/{still.names['delivered 0']}")
    tab_to(page, "Why it was believed")
    page.keyboard.press("Enter")
    expect(page.locator("#deliveries details").first).to_have_attribute("open", "")
    tab_to(page, "sealed as entry")
    page.keyboard.press("Enter")
    expect(page.locator("#evidence dl:target")).to_contain_text("leaf")
    page.goto(f"/deliveries/{still.names['delivery']}")
    tab_to(page, "As received")
    page.keyboard.press("Enter")
    section = page.locator("section", has=page.get_by_role("heading", name="Send it again"))
    section.locator("pre").focus()
    tab_to(page, "Copy")
    page.keyboard.press("Enter")
    expect(section.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == section.locator("pre").inner_text()


def test_the_skip_link_leads_past_the_rail(still: Still, signed_in: Windows) -> None:
    """The first stop of every page skips the rail, and the next one is in the content."""
    page = signed_in(still)
    page.goto("/deliveries")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
