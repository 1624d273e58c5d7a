"""One sealed ledger on each backend for all tests that tamper with it: each edit is undone behind it."""

import asyncio
from collections.abc import Iterator

import pytest

from receiver.audit import mirroring
from tests import postgres, sqlite
from tests.receiver.audit.scene import Scene, build


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """However slow the machine, a sealer's work ends with its checkpoint mirrored."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mirroring, "PATIENCE", 60.0)
        yield


@pytest.fixture(scope="session", params=("sqlite", "postgres"))
def sealed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Built once for a whole run."""
    folder = tmp_path_factory.mktemp("sealed")
    url = postgres.fresh() if request.param == "postgres" else sqlite.ready(folder / "ledger.db")
    made = asyncio.run(build(folder, url))
    yield made
    made.edit.close()
    made.ledger.close()
    if request.param == "postgres":
        postgres.drop(url)


@pytest.fixture
def scene(sealed: Scene) -> Iterator[Scene]:
    """As it was sealed, whatever the test does to its database."""
    now, outside, mirrored = sealed.now, sealed.outside(), sealed.mirrored()
    yield sealed
    sealed.edit.undo()
    sealed.now = now
    if outside is not None:
        outside[0].write_bytes(outside[1])
    for added in sealed.mirrored() - mirrored:
        added.unlink()
