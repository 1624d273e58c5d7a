"""VIEWER_TOKEN: who comes in by it sees everything and changes nothing."""

from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from receiver.api.stream import Stream
from receiver.app import App
from receiver.errors import Misconfigured
from receiver.pages import gate
from receiver.pages.forms import form
from receiver.pages.gate import Lobby
from receiver.pages.render import Painter
from receiver.pages.session import COOKIE, Session
from receiver.pages.throttle import Throttle
from receiver.road import Road
from receiver.settings import Settings
from tests.receiver.pages.conftest import HTML
from tests.receiver.pages.seeding import ADMIN, Seed
from tests.receiver.pages.test_door import enter, form_token, leave

VIEWER = "a viewer token for tests"


def with_tokens(road: Road, **given: str) -> Road:
    return replace(road, settings=Settings(**{**road.settings.model_dump(), "viewer_token": VIEWER, **given}))


def browsing(road: Road) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(App(road)), base_url="http://pages", headers=HTML)


def desk(road: Road) -> httpx.AsyncClient:
    """A page that changes something, behind the gate."""

    async def change(_lobby: Lobby, request: Request, _session: Session) -> Response:
        return PlainTextResponse((await form(request)).get("what", ""))

    lobby = Lobby(road, Painter(road), Throttle(), Stream(road))
    routes = [Route("/change", gate.acting(lobby, change), methods=["POST"])]
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=routes)), base_url="http://pages", headers=HTML
    )


async def test_a_viewer_sees_every_page(road: Road, seed: Seed) -> None:
    """VIEWER_TOKEN signs in, the pages say that it is to look, and signing out is no change."""
    job_id = await seed.delivered()
    async with browsing(with_tokens(road)) as client:
        assert (await enter(client, f" {VIEWER}\n")).status_code == 303
        for where in ("/", f"/jobs/{job_id}", f"/jobs/{job_id}/images/1", "/deliveries"):
            assert (await client.get(where)).status_code == 200
        page = (await client.get("/")).text
        assert "to look" in page
        assert (await leave(client, form_token=form_token(page))).status_code == 303
        assert (await client.get("/")).status_code == 303


async def test_a_viewer_changes_nothing(road: Road) -> None:
    """With a good form token a viewer is told in words why not, a program in the contract's shape; who may act acts."""
    seen = with_tokens(road)
    async with browsing(seen) as client, desk(seen) as at:
        for token, status in ((VIEWER, 403), (ADMIN, 200)):
            await enter(client, token)
            fields = {"form_token": form_token((await client.get("/")).text), "what": "this"}
            at.cookies.set(COOKIE, client.cookies[COOKIE])
            answer = await at.post("/change", data=fields)
            assert answer.status_code == status
            assert ("VIEWER_TOKEN" in answer.text) == (status == 403)
            assert (answer.text == "this") == (status == 200)
            client.cookies.clear()
        at.cookies.clear()
        assert (await at.post("/change", data=fields)).headers["location"] == "/sign-in"


@pytest.mark.parametrize("token", ["", "x", None])
async def test_a_change_wants_the_form(road: Road, token: str | None) -> None:
    """Without this session's form token nothing is done, whoever asks."""
    async with browsing(road) as client, desk(road) as at:
        await enter(client)
        at.cookies.set(COOKIE, client.cookies[COOKIE])
        answer = await at.post("/change", data={} if token is None else {"form_token": token})
        assert answer.status_code == 403
        assert "load the page again" in answer.text


@pytest.mark.parametrize("given", [{"viewer_token": "another one"}, {"viewer_token": ""}, {"admin_token": "another"}])
async def test_a_changed_token_ends_a_viewers_session(road: Road, given: dict[str, str]) -> None:
    """Another VIEWER_TOKEN, none, or another ADMIN_TOKEN sends viewers back to the door."""
    async with browsing(with_tokens(road)) as client, browsing(with_tokens(road, **given)) as other:
        await enter(client, VIEWER)
        other.cookies.set(COOKIE, client.cookies[COOKIE])
        assert (await other.get("/")).status_code == 303


async def test_no_viewer_without_a_token(stranger: httpx.AsyncClient) -> None:
    """Where VIEWER_TOKEN is not set an empty or any token looks at nothing."""
    for token in ("", VIEWER):
        assert (await enter(stranger, token)).status_code == 401


async def test_another_viewer_token_leaves_who_may_act(road: Road, browser: httpx.AsyncClient) -> None:
    """Sessions by ADMIN_TOKEN do not hang on the other token."""
    async with browsing(with_tokens(road)) as client:
        client.cookies.set(COOKIE, browser.cookies[COOKIE])
        assert (await client.get("/")).status_code == 200


def test_one_token_for_both_is_no_start(road: Road) -> None:
    """With VIEWER_TOKEN = ADMIN_TOKEN every viewer could act: the receiver does not start."""
    with pytest.raises(Misconfigured, match="VIEWER_TOKEN is ADMIN_TOKEN"):
        App(with_tokens(road, viewer_token=ADMIN))
