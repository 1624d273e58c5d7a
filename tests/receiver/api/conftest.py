from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.app import App
from receiver.road import Road
from receiver.settings import Settings
from tests import postgres
from tests.objects import Objects
from tests.receiver.api.documented import follow
from tests.receiver.pages.conftest import clock, seed
from tests.receiver.pages.conftest import road as admin_road
from tests.receiver.pages.seeding import ADMIN

__all__ = ["admin_road", "clock", "seed"]

VIEWER = "a viewer token for tests"


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """See backends.py."""
    name: str = getattr(request, "param", "file")
    return name


@pytest.fixture
def kept(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Where the house of a test keeps its rows and its images, as settings."""
    if backend == "file":
        yield {"database_url": f"sqlite:///{tmp_path}/ledger.db", "storage_url": f"file:{tmp_path}/images"}
        return
    objects: Objects = request.getfixturevalue("objects")
    url = postgres.fresh()
    yield {"database_url": url, **objects.settings()}
    postgres.drop(url)


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
