"""Every page at every width, in light and in dark, measured; and the pictures of them that the README shows."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.browser.chromium import Watch, overflow, violations
from tests.browser.conftest import Windows
from tests.browser.still import Still

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
PAGES: Mapping[str, str] = MappingProxyType(
    {
        "now": "/",
        "jobs": "/jobs",
        "jobs-table": "/jobs?view=table",
        "jobs-none": "/jobs?q=nothing+is+like+this",
        "new-job": "/jobs/new?from={delivered 0}",
        "job": "/jobs/{delivered 0}",
        "dead-letter": "/jobs/{dead}",
        "bundle": "/jobs/{delivered 0}/reveals",
        "deliveries": "/deliveries?verdict=refused",
        "delivery": "/deliveries/{delivery}",
        "evidence": "/evidence",
        "setup": "/setup",
        "nothing": "/nothing/is/here",
    }
)
"""Every page that needs signing in, by the name of its picture."""

UNPICTURED = {"jobs-none", "nothing"}
WIDTHS = {360: 740, 1280: 860, 2560: 1440}


CUT = "() => [...document.querySelectorAll('input')].filter(it => it.scrollWidth > it.clientWidth).map(it => it.name)"
"""Fields whose words, or whose example of them, do not fit."""


def lightness(page: Page, of: str) -> float:
    """0 is black, 255 white."""
    said = page.evaluate(f"getComputedStyle(document.body).{of}")
    return sum(map(float, re.findall(r"[\d.]+", said)[:3])) / 3


def look(page: Page) -> None:
    """Nothing sticks out at any width; axe-core finds nothing in light and in dark; each scheme is what it says."""
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        assert overflow(page) == [], width
        assert page.evaluate(CUT) == [], width
    page.set_viewport_size({"width": 1280, "height": WIDTHS[1280]})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        paper, ink = lightness(page, "backgroundColor"), lightness(page, "color")
        assert (paper > 200 and ink < 60) if scheme == "light" else (paper < 60 and ink > 200)
        assert violations(page) == [], scheme


def hang(page: Page, name: str, folder: Path) -> None:
    """Where PROOFHOOK_SCREENSHOTS is set: every width and scheme into the folder, and what the README shows into docs.

    256 colours are enough there.
    """
    if not os.environ.get("PROOFHOOK_SCREENSHOTS"):
        return
    for width, kept in {360: f"{name}-phone", 1280: name, 2560: ""}.items():
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        for scheme, suffix in (("light", ""), ("dark", "-dark")):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            page.screenshot(path=(taken := folder / f"{name}-{width}-{scheme}.png"))
            if f"{kept}{suffix}" in shown():
                with Image.open(taken) as picture:
                    picture.convert("RGB").quantize(256).save(IMAGES / f"{kept}{suffix}.png", optimize=True)


def shown() -> set[str]:
    """The pictures of the README."""
    return set(re.findall(r"docs/images/([a-z-]+)\.png", (ROOT / "README.md").read_text()))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone(
    name: str, still: Still, signed_in: Windows, watches: list[Watch], tmp_path: Path
) -> None:
    """A page has no fault that axe-core finds and fits 360, 1280 and 2560 pixels, in light and in dark."""
    page = signed_in(still)
    if name == "nothing":
        watches[-1].forgive("status of 404")
    page.goto(PAGES[name].format(**still.names))
    look(page)
    hang(page, name, tmp_path)


def test_the_door_is_for_everyone(still: Still, window: Windows, tmp_path: Path) -> None:
    """So is the page that signs in."""
    page = window(still)
    page.goto("/sign-in")
    look(page)
    hang(page, "sign-in", tmp_path)


def test_the_readme_shows_every_page() -> None:
    """Each page has its picture, the README shows it, and no picture lies about that nobody shows."""
    there = {path.stem for path in IMAGES.glob("*.png")}
    assert there == shown()
    assert {"sign-in", *PAGES} - UNPICTURED <= there
