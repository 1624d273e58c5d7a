import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from receiver.app import App
from receiver.pages.door import local
from receiver.pages.session import COOKIE, sign_in_link
from receiver.road import Road
from tests.receiver.pages.conftest import HTML
from tests.receiver.pages.seeding import ADMIN, Clock, Seed

JSON = {"accept": "application/json"}


async def enter(client: httpx.AsyncClient, token: str = ADMIN, **headers: str) -> httpx.Response:
    return await client.post("/sign-in", data={"token": token}, headers=headers)


async def leave(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await client.post("/sign-out", data=fields)


def form_token(page: str) -> str:
    match = re.search(r'name="form_token" value="([^"]+)"', page)
    assert match
    return match[1]


@pytest.mark.parametrize("path", ["/", "/jobs/x", "/jobs/x/images/1", "/deliveries", "/?status=failed&provider=fal"])
async def test_a_stranger_is_sent_to_the_door(stranger: httpx.AsyncClient, path: str) -> None:
    """A browser without a session goes to the door and is brought back; a program gets 401 in the contract's shape."""
    response = await stranger.get(path)
    assert response.status_code == 303
    there = urlsplit(response.headers["location"])
    assert (there.path, parse_qs(there.query)["next"], there.netloc) == ("/sign-in", [path], "")
    told = await stranger.get(path, headers=JSON)
    assert told.status_code == 401
    assert set(told.json()) == {"error", "detail"}


async def test_the_token_opens(stranger: httpx.AsyncClient) -> None:
    """ADMIN_TOKEN signs in: a cookie that scripts cannot read, for twelve hours, and the way back."""
    response = await stranger.post("/sign-in", data={"token": ADMIN, "next": "/deliveries?verdict=refused"})
    assert (response.status_code, response.headers["location"]) == (303, "/deliveries?verdict=refused")
    cookie = response.headers["set-cookie"].lower()
    assert {"httponly", "samesite=lax", "max-age=43200", "path=/"} <= set(cookie.split("; "))
    assert "secure" not in cookie
    assert (await stranger.get("/")).status_code == 200


async def test_the_cookie_is_secure_over_https(road: Road) -> None:
    """Over https the cookie never travels in the clear."""
    transport = httpx.ASGITransport(App(road))
    async with httpx.AsyncClient(transport=transport, base_url="https://pages", headers=HTML) as client:
        assert "Secure" in (await enter(client)).headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "wrong", ADMIN[:-1], ADMIN + "x", "\u00e9\u4e2d", "\ud83d", ADMIN.upper()])
async def test_a_wrong_token_is_401(stranger: httpx.AsyncClient, token: str) -> None:
    """Anything but ADMIN_TOKEN is refused with the form and a sentence, whatever its bytes."""
    body = b"token=" + token.encode("utf-8", "surrogatepass")
    kind = {"content-type": "application/x-www-form-urlencoded"}
    response = await stranger.post("/sign-in", content=body, headers=kind)
    assert response.status_code == 401
    assert "ADMIN_TOKEN" in response.text
    assert "set-cookie" not in response.headers


async def test_tries_are_throttled(stranger: httpx.AsyncClient, clock: Clock) -> None:
    """After ten failures within a minute even the right token has to wait, and is told how long."""
    for _ in range(10):
        assert (await enter(stranger, "wrong")).status_code == 401
        clock.on(seconds=1)
    refused = await enter(stranger)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "50")
    clock.on(seconds=50)
    assert (await enter(stranger)).status_code == 303


async def test_the_link_opens_for_an_hour(stranger: httpx.AsyncClient, road: Road, clock: Clock) -> None:
    """The demo's link signs in without typing; after an hour it is over, and says so."""
    link = sign_in_link(road.settings, clock.now)
    assert link.startswith("http://pages/sign-in?ticket=")
    late = clock.on(minutes=59, seconds=59)
    assert (await stranger.get(link)).status_code == 303
    stranger.cookies.clear()
    assert late < clock.on(seconds=1)
    over = await stranger.get(link)
    assert over.status_code == 401
    assert "This sign-in link is over" in over.text


async def test_a_ticket_has_one_purpose(stranger: httpx.AsyncClient, road: Road, clock: Clock) -> None:
    """A session is no link, a link no session, and a form token neither."""
    ticket = parse_qs(urlsplit(sign_in_link(road.settings, clock.now)).query)["ticket"][0]
    stranger.cookies.set(COOKIE, ticket)
    assert (await stranger.get("/")).status_code == 303
    stranger.cookies.clear()
    await enter(stranger)
    session = stranger.cookies[COOKIE]
    token = form_token((await stranger.get("/")).text)
    stranger.cookies.clear()
    for other in (session, token):
        assert (await stranger.get("/sign-in", params={"ticket": other})).status_code == 401
    stranger.cookies.set(COOKIE, token)
    assert (await stranger.get("/")).status_code == 303


async def test_a_session_ends(browser: httpx.AsyncClient, clock: Clock) -> None:
    """Twelve hours, whatever the browser keeps."""
    session = browser.cookies[COOKIE]
    clock.on(hours=12)
    browser.cookies.clear()
    browser.cookies.set(COOKIE, session)
    assert (await browser.get("/")).status_code == 303


async def test_another_admin_token_ends_every_session(browser: httpx.AsyncClient, road: Road) -> None:
    """Whoever changes ADMIN_TOKEN wants everyone out."""
    settings = type(road.settings)(**{**road.settings.model_dump(), "admin_token": "another admin token"})
    transport = httpx.ASGITransport(App(replace(road, settings=settings)))
    async with httpx.AsyncClient(transport=transport, base_url="http://pages", headers=HTML) as client:
        client.cookies.set(COOKIE, browser.cookies[COOKIE])
        assert (await client.get("/")).status_code == 303


async def test_signing_out_wants_the_form(browser: httpx.AsyncClient, clock: Clock) -> None:
    """Sign-out is a POST with the session's own form token; without it, or with a stale one, nothing happens."""
    token = form_token((await browser.get("/")).text)
    assert (await browser.get("/sign-out")).status_code == 404
    for wrong in ({}, {"form_token": "x"}, {"form_token": token[:-1] + "_"}):
        assert (await leave(browser, **wrong)).status_code == 403
    assert (await browser.get("/")).status_code == 200
    left = await leave(browser, form_token=token)
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    assert (await browser.get("/")).status_code == 303


async def test_a_form_token_is_of_one_session(browser: httpx.AsyncClient) -> None:
    """Another session's form token is as good as none."""
    other = form_token((await browser.get("/")).text)
    browser.cookies.clear()
    await enter(browser)
    assert (await leave(browser, form_token=other)).status_code == 403


@pytest.mark.parametrize(("headers", "status"), [
    ({"sec-fetch-site": "same-origin"}, 303), ({"sec-fetch-site": "none"}, 303), ({"sec-fetch-site": "same-site"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403), ({"origin": "http://pages"}, 303), ({"origin": "http://evil"}, 403),
    ({"origin": "null"}, 403), ({"sec-fetch-site": "cross-site", "origin": "http://pages"}, 403),
])  # fmt: skip
async def test_the_form_is_taken_from_here_only(
    stranger: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """Another site cannot sign a browser in: Sec-Fetch-Site decides, Origin where a browser sends no such header."""
    assert (await enter(stranger, **headers)).status_code == status


async def test_a_form_has_a_limit(stranger: httpx.AsyncClient) -> None:
    """More than 8 KiB, or very many fields, is no form of ours."""
    assert (await enter(stranger, "x" * 8192)).status_code == 413
    assert (await stranger.post("/sign-in", content=b"&".join([b"a=1"] * 99))).status_code == 400


@pytest.mark.parametrize("path", [
    "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/\t/evil", "/\n/evil", "evil", "",
    "/ ", "/\u2028", "javascript:alert(1)", "/" + "a" * 3000,
])  # fmt: skip
async def test_the_way_on_stays_here(stranger: httpx.AsyncClient, path: str) -> None:
    """`next` is a path of this site in every browser's reading, or it is the first page."""
    response = await stranger.post("/sign-in", data={"token": ADMIN, "next": path})
    assert response.headers["location"] == "/"
    assert local(path, "no") == "no"


async def test_who_is_in_goes_through_the_door(browser: httpx.AsyncClient) -> None:
    """The door is no dead end for one who is signed in."""
    assert (await browser.get("/sign-in?next=/deliveries")).headers["location"] == "/deliveries"


async def test_the_form_keeps_the_way_back(stranger: httpx.AsyncClient, seed: Seed) -> None:
    """`next` survives a wrong token, escaped."""
    page = (await stranger.get('/sign-in?next=/jobs/"><b>')).text
    assert 'value="/jobs/&#34;&gt;&lt;b&gt;"' in page
    wrong = await stranger.post("/sign-in", data={"token": "wrong", "next": "/deliveries"})
    assert 'value="/deliveries"' in wrong.text
