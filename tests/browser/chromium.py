"""Chromium for the tests, and a watch over all that it does: what a reader would not see still fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)  # fmt: skip

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
"""The last one is the guard: no name resolves, so nothing leaves the machine whatever a page asks for."""

PATIENCE = 15_000
"""Milliseconds after which a test gives up."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A running browser. Skips where none can be found: Debian's, Chrome, or the one that Playwright installs."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as play:
        own = play.chromium.executable_path
        path = next(filter(None, map(shutil.which, NAMES)), own if Path(own).exists() else None)
        if path is None:
            pytest.skip("no Chromium here: apt-get install chromium")
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What went wrong in windows of one house: requests to anybody else, console errors, breaches of the policy."""

    origin: str
    seen: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("request", self._asked)
        context.on("console", self._said)
        context.on("weberror", self._threw)

    def forgive(self, words: str) -> None:
        """A console line that holds these words is what the test is about."""
        self.forgiven.append(words)

    def faults(self) -> list[str]:
        return [line for line in self.seen if not any(words in line for words in self.forgiven)]

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(f"{self.origin}/"):
            self.seen.append(f"request to another: {request.url[:300]}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.seen.append(f"console {message.type}: {message.text[:300]}")

    def _threw(self, error: WebError) -> None:
        self.seen.append(f"script error: {error.error.message[:300]}")


def focused(page: Page) -> str:
    """What has the focus, as a person would name it; fails where the focus cannot be seen."""
    found = page.evaluate(
        """() => {
            const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
            const line = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            const name = it.getAttribute('aria-label') || it.innerText || it.getAttribute('name') || it.tagName;
            const inside = box.width > 0 && box.bottom > 0 && box.top < innerHeight
                && box.right > 0 && box.left < innerWidth;
            return {name: name.trim(), seen: it === document.body || (line && inside)};
        }"""
    )
    assert found["seen"], f"the focus on {found['name']!r} cannot be seen"
    return str(found["name"])


def tab_to(page: Page, name: str, most: int = 60) -> None:
    """Press Tab until `name` has the focus; on every step the focus must be seen."""
    passed = []
    for _ in range(most):
        page.keyboard.press("Tab")
        passed.append(focused(page))
        if name in passed[-1]:
            return
    raise AssertionError(f"{name!r} cannot be reached by keyboard; passed {passed}")


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line each with the places."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def overflow(page: Page) -> list[str]:
    """What sticks out of the window to the side, empty where nothing does."""
    found: list[str] = page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= wide) return [];
            return [...document.querySelectorAll('body *')]
                .filter(it => it.getBoundingClientRect().right > wide + 1)
                .map(it => it.tagName + '.' + it.className + ' ' + it.textContent.trim().slice(0, 40));
        }"""
    )
    return found
