"""Without JavaScript everything but the live updates works."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Windows
from tests.browser.still import Still


def test_the_main_path_needs_no_script(still: Still, signed_in: Windows) -> None:
    """Filter, open, look at the picture: links and forms are enough."""
    page = signed_in(still, java_script_enabled=False)
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_label("provider").select_option("vtrix")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("provider=vtrix"))
    page.get_by_role("link", name=re.compile("lit by one candle")).click()
    expect(page).to_have_url(f"{still.origin}/jobs/{still.names['delivered 2']}")
    expect(page.get_by_role("img").first).to_be_visible()
