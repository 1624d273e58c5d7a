from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from receiver.app import App
from receiver.road import Road
from receiver.settings import Settings
from tests.receiver.api.documented import follow
from tests.receiver.pages.conftest import clock, seed
from tests.receiver.pages.conftest import road as admin_road
from tests.receiver.pages.seeding import ADMIN

__all__ = ["admin_road", "clock", "seed"]

VIEWER = "a viewer token for tests"


@pytest.fixture
def road(admin_road: Road) -> Road:
    return replace(admin_road, settings=Settings(**{**admin_road.settings.model_dump(), "viewer_token": VIEWER}))


@pytest.fixture
def app(road: Road) -> App:
    return App(road)


@pytest.fixture
async def stranger(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """A program without a token; whatever it is answered is in the document."""
    transport = httpx.ASGITransport(app)
    hooks = {"response": [follow]}
    async with httpx.AsyncClient(transport=transport, base_url="http://pages", event_hooks=hooks) as client:
        yield client


@pytest.fixture
def program(stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """A program with ADMIN_TOKEN."""
    stranger.headers["authorization"] = f"Bearer {ADMIN}"
    return stranger
