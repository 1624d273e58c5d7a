"""The watch itself: what it is there to see, it sees."""

import pytest

from tests.browser.chromium import Watch
from tests.browser.conftest import Windows
from tests.browser.still import Still

DEEDS = {
    "request to another: http://127.0.0.1:9/": "window.open('http://127.0.0.1:9/')",
    "violates the following Content Security Policy": "fetch('http://127.0.0.1:9/').catch(() => 0)",
    "script error: oh": "addEventListener('deed', () => { throw new Error('oh') }); dispatchEvent(new Event('deed'))",
    "console error: oh": "console.error('oh')",
}


@pytest.mark.parametrize("said", DEEDS)
def test_nothing_goes_unseen(said: str, still: Still, signed_in: Windows, watches: list[Watch]) -> None:
    """Requests to others, breaches of the policy, script errors and console errors are seen, and fail a test."""
    page = signed_in(still)
    page.goto("/deliveries")
    assert watches[-1].faults() == []
    page.evaluate(DEEDS[said])
    for _ in range(100):
        if watches[-1].faults():
            break
        page.wait_for_timeout(20)
    found = watches[-1].faults()
    watches[-1].forgive("")
    assert any(said in line for line in found), found
