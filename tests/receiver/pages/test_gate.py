import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from receiver import pages
from receiver.app import App
from receiver.errors import Misconfigured
from receiver.pages.session import COOKIE, sign_in_link
from receiver.road import Road
from tests.receiver.pages.conftest import HTML
from tests.receiver.pages.seeding import ADMIN, Clock, Seed

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
ROOMS = ("/jobs", "/evidence", "/setup")
STATIC = Path(pages.__file__).parent / "static"


async def test_every_page_carries_the_headers(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Pages, refusals and redirects allow nothing but themselves and are kept nowhere."""
    job_id = await seed.delivered()
    stranger_too = ["/sign-in?ticket=x", "/nothing", "/sign-in"]
    for where in ("/", f"/jobs/{job_id}", "/deliveries", "/jobs/x", "/jobs?before=x", *ROOMS, *stranger_too):
        headers = (await browser.get(where)).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


async def test_pages_need_nothing_from_elsewhere(browser: httpx.AsyncClient, seed: Seed) -> None:
    """One script of ours, no inline style, no address of another host: what the policy forbids is not asked for."""
    job_id = await seed.delivered()
    for where in ("/", f"/jobs/{job_id}", "/deliveries", *ROOMS, "/sign-in?ticket=x"):
        page = (await browser.get(where)).text
        assert len(re.findall(r'<script src="/static/live\.js\?v=[0-9a-f]{8}" defer></script>', page)) == 1
        assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=|javascript:", page)
        assert all(link.startswith(("/", "#")) for link in re.findall(r'(?:href|src|action)="([^"]*)"', page))
        assert '<html lang="en">' in page
        assert "<main" in page
        assert page.count("<h1>") == 1


async def test_every_other_address_is_404(browser: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    """What is not there is told to people as a page and to programs in the contract's shape, for every method."""
    assert "Nothing is here" in (await browser.get("/no/such/page")).text
    told = await browser.post("/no/such/page", headers={"accept": "*/*"})
    assert (told.status_code, told.json()["error"]) == (404, "unknown_endpoint")


async def test_pages_work_below_a_prefix(road: Road, seed: Seed, clock: Clock) -> None:
    """Mounted in another app, every link, form, redirect and the cookie stay below the prefix."""
    job_id = await seed.delivered()
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/below", App(road))]))
    async with httpx.AsyncClient(transport=transport, base_url="http://pages", headers=HTML) as client:
        away = await client.get(f"/below/jobs/{job_id}")
        assert away.headers["location"] == f"/below/sign-in?next=%2Fbelow%2Fjobs%2F{job_id}"
        entered = await client.post(away.headers["location"], data={"token": ADMIN})
        assert entered.headers["location"] == "/below/"
        assert "Path=/below;" in entered.headers["set-cookie"]
        for where in ("/", f"/jobs/{job_id}", "/deliveries", *ROOMS):
            page = (await client.get(f"/below{where}")).text
            links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
            assert len(links) > 4
            assert all(link.startswith("/below/") for link in links)
            assert 'aria-current="page"' in page
        assert (await client.get(f"/below/jobs/{job_id}/images/1")).status_code == 200
        assert sign_in_link(road.settings, clock.now)
        assert client.cookies.get(COOKIE, path="/below")


def test_no_admin_token_no_start(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty token would let everyone in: the receiver does not start with one."""
    monkeypatch.setitem(road.settings.__dict__, "admin_token", " ")
    monkeypatch.delitem(road.settings.__dict__, "admin", raising=False)
    with pytest.raises(Misconfigured, match="ADMIN_TOKEN"):
        App(road)


def _colours(sheet: str) -> list[dict[str, str]]:
    """The custom properties that are colours: in light, then in dark."""
    blocks = re.findall(r":root \{(.*?)\n? *\}", sheet, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]


def _light(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ink", ["ink", "soft", "delivered", "collecting", "waiting", "refused", "failed"])
@pytest.mark.parametrize("paper", ["paper", "mat", "raised"])
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_measured(scheme: int, paper: str, ink: str) -> None:
    """Every text colour reaches AA (4.5 to 1) on every ground, in light and in dark."""
    colours = _colours((STATIC / "style.css").read_text())[scheme]
    low, high = sorted((_light(colours[ink]), _light(colours[paper])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_sheet_is_small_and_whole() -> None:
    """Sheet and script are under 20 KB each, and nothing in them is fetched from anywhere."""
    sheet, script = (STATIC / "style.css").read_text(), (STATIC / "live.js").read_text()
    assert len(script.encode()) < 20_000
    assert not re.search(r"https?:|innerHTML|outerHTML|insertAdjacent|\beval\b|document\.write|new Function", script)
    assert len(sheet.encode()) < 20_000
    assert "url(" not in sheet
    assert "@import" not in sheet
