"""One sealed ledger on each backend for all tests that tamper with it: each edit is undone behind it."""

import asyncio
from collections.abc import Iterator

import pytest

from tests import postgres
from tests.receiver.audit.scene import Scene, build


@pytest.fixture(scope="session", params=("sqlite", "postgres"))
def sealed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Built once for a whole run."""
    folder = tmp_path_factory.mktemp("sealed")
    url = postgres.fresh() if request.param == "postgres" else f"sqlite:///{folder}/ledger.db"
    made = asyncio.run(build(folder, url))
    yield made
    made.edit.close()
    made.ledger.close()
    if request.param == "postgres":
        postgres.drop(url)


@pytest.fixture
def scene(sealed: Scene) -> Iterator[Scene]:
    """As it was sealed, whatever the test does to its database."""
    now, outside = sealed.now, sealed.outside()
    yield sealed
    sealed.edit.undo()
    sealed.now = now
    if outside is not None:
        outside[0].write_bytes(outside[1])
