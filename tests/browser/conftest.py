"""One browser and its houses for all of this folder: whoever is given its files has them, and lets go of them after."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import PATIENCE, Watch, launched
from tests.browser.live import Live, living
from tests.browser.scenes import day, hostile
from tests.browser.still import Still, standing

Windows = Callable[..., Page]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def still(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Still]:
    """A working day."""
    with standing(tmp_path_factory.mktemp("still"), day) as house:
        yield house


@pytest.fixture(scope="package")
def hostile_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Still]:
    """Strangers' texts, all of them hostile."""
    with standing(tmp_path_factory.mktemp("hostile"), hostile) as house:
        yield house


@pytest.fixture(scope="package")
def live(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """`serve` and `sandbox` in real processes."""
    with living(tmp_path_factory.mktemp("live")) as house:
        yield house


@pytest.fixture
def watches() -> Iterator[list[Watch]]:
    """The watches over this test's windows: what they saw fails it."""
    made: list[Watch] = []
    yield made
    assert [fault for watch in made for fault in watch.faults()] == []


@pytest.fixture
def window(chromium: Browser, watches: list[Watch]) -> Iterator[Windows]:
    """Opens a watched window on a house, as a stranger; more words are options of a Playwright context."""
    contexts = []

    def opened(house: Still | Live, **options: Any) -> Page:
        given = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "UTC", **options}
        contexts.append(context := chromium.new_context(base_url=house.origin, **given))
        context.set_default_timeout(PATIENCE)
        watches.append(watch := Watch(house.origin))
        watch.over(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def signed_in(window: Windows) -> Windows:
    """Opens a watched window that has come in by the sign-in link; in a still house its clock stands still, too."""

    def opened(house: Still | Live, **options: Any) -> Page:
        page = window(house, **options)
        if isinstance(house, Still) and options.get("java_script_enabled", True):
            page.clock.set_fixed_time(house.clock.now)
        page.goto(house.link)
        return page

    return opened
