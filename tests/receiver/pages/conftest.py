from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.app import App
from receiver.keyring import Keyring
from receiver.ledger.ledger import Ledger
from receiver.pages.session import sign_in_link
from receiver.road import Road
from receiver.settings import Settings
from receiver.storage import open_storage
from tests import sqlite
from tests.receiver.pages.seeding import ADMIN, SECRET, Clock, Seed

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
Browse = Callable[..., httpx.AsyncClient]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Any]:
    """Where this house keeps its rows and its images, as settings."""
    return {"database_url": sqlite.ready(tmp_path / "ledger.db"), "storage_url": f"file:{tmp_path}/images"}


@pytest.fixture
async def road(
    tmp_path: Path, kept: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Road]:
    monkeypatch.chdir(tmp_path)  # a .env of the checkout is not ours
    given: dict[str, Any] = {"public_url": "http://pages", "proofhook_secret": SECRET, "admin_token": ADMIN}
    settings = Settings(**kept, **given)
    keyring = Keyring(settings.secrets, settings.options, settings.tolerance)
    storage = open_storage(settings.storage_url, settings.account)
    road = Road(settings, Ledger(settings.database_url), storage, keyring, clock)
    yield road
    await keyring.aclose()
    road.ledger.close()


@pytest.fixture
def seed(road: Road, clock: Clock) -> Seed:
    return Seed(road, clock)


@pytest.fixture
async def stranger(road: Road) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    transport = httpx.ASGITransport(App(road))
    async with httpx.AsyncClient(transport=transport, base_url="http://pages", headers=HTML) as client:
        yield client


@pytest.fixture
async def browser(stranger: httpx.AsyncClient, road: Road, clock: Clock) -> httpx.AsyncClient:
    """A browser that came in by the sign-in link."""
    link = sign_in_link(road.settings, clock.now)
    assert (await stranger.get(link)).status_code == 303
    return stranger
