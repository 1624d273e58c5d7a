"""Our own side: secrets, disk, database, storage, mirror, sealer, reconciler, worker."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.doctor import Check, inside
from receiver.doctor.opening import open_images, open_ledger
from receiver.errors import LedgerBusy
from receiver.ledger import trail_tables
from receiver.ledger.duties import LEASE
from receiver.ledger.ledger import Ledger
from receiver.settings import load
from receiver.storage import Folder, Memory
from tests.receiver.house import House, configured, opened
from tests.receiver.ledger.conftest import backend, database_url

__all__ = ["backend", "database_url"]


@pytest.fixture
async def house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with opened(tmp_path, database_url=database_url) as made:
        made.clock.now = datetime.now(UTC)  # a server's duties go by its own clock
        yield made


async def states(house: House) -> dict[str, str]:
    return {each.name: each.state for each in await inside.ledger(house.road.ledger, house.clock())}


async def test_an_idle_house(house: House) -> None:
    """The database answers; nobody seals nor asks, and whether a worker runs cannot be told."""
    found = {"database": "good", "reconciler": "bad", "sealer": "bad", "worker": "unknown"}
    assert await states(house) == found


async def test_somebody_is_at_work(house: House) -> None:
    """Duties that are held are signs of life, and so is a lease; a sealer that signs nothing for hours is none."""
    ledger, now = house.road.ledger, house.clock()
    await ledger.duty_taken("seal", "somebody", now)
    await ledger.duty_taken("reconcile", "somebody", now)
    await house.fal(await house.place())
    await ledger.leased("worker", now, now + timedelta(minutes=1), 1)
    assert await states(house) == {"database": "good", "reconciler": "good", "sealer": "bad", "worker": "good"}
    for hours, state in ((3, "bad"), (1, "good")):
        row = {"size": 1, "made_at": now - timedelta(hours=hours), "note": b"n"}
        await ledger.fact(lambda c, row=row: c.execute(trail_tables.checkpoint.insert().values(row)))  # type: ignore[misc]
        assert (await states(house))["sealer"] == state
    assert timedelta(minutes=1) > LEASE


async def test_images_that_nobody_collects(house: House) -> None:
    """A task that has been due for more than a minute wants a worker; a dead letter does not."""
    await house.fal(await house.place())
    assert (await states(house))["worker"] == "unknown"
    house.clock.ahead(minutes=2)
    assert (await states(house))["worker"] == "bad"
    now = house.clock()
    [task] = await house.road.ledger.leased("worker", now, now + timedelta(minutes=1), 1)
    await house.road.ledger.buried(task, "x", now)
    assert (await states(house))["worker"] == "unknown"


async def test_a_database_that_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One check, bad, in the ledger's own words."""

    async def away(_: Ledger) -> None:
        raise LedgerBusy("the database does not answer right now")

    monkeypatch.setattr(Ledger, "ready", away)
    assert await states(house) == {"database": "bad"}


async def test_the_storage() -> None:
    """Whether it takes bytes."""
    assert [each.state for each in await inside.storage(Memory())] == ["good"]
    [full] = await inside.storage(Memory(room=0))
    assert (full.state, full.says) == ("bad", "the storage in memory is full")


async def test_the_mirror(tmp_path: Path) -> None:
    """None where none is set; a folder that is gone is bad."""
    assert await inside.mirror(configured(tmp_path)) == []
    (tmp_path / "mirror").mkdir()
    settings = configured(tmp_path, checkpoint_mirror_url=f"file:{tmp_path}/mirror")
    assert [each.state for each in await inside.mirror(settings)] == ["good"]
    (tmp_path / "mirror").rmdir()
    assert [each.state for each in await inside.mirror(settings)] == ["bad"]


async def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the database and the folder stand, each, also before they are there."""
    settings = configured(tmp_path / "not yet")
    assert [each.name for each in await inside.disk(settings)] == ["disk of DATABASE_URL", "disk of STORAGE_URL"]
    monkeypatch.setattr(inside, "ROOM", 2**80)
    assert [each.state for each in await inside.disk(settings)] == ["bad", "bad"]
    assert await inside.disk(configured(tmp_path, database_url="postgresql://x/y", storage_url="memory:")) == []


def test_secrets(tmp_path: Path) -> None:
    """Set, made in a file, to be made, or missing; a look makes none."""
    assert inside.secrets(configured(tmp_path))[0].state == "good"
    bare = {"_env_file": None, "proofhook_secret": "", "admin_token": ""}
    fresh = load(**bare, database_url=f"sqlite:///{tmp_path}/a.db")
    assert inside.secrets(fresh)[0].state == "unknown"
    assert inside.held_secrets(fresh) == ()
    assert list(tmp_path.iterdir()) == []
    assert fresh.secrets
    [made] = inside.secrets(fresh)
    assert made.state == "good"
    assert "a.db.keys" in made.says
    assert inside.held_secrets(fresh) == fresh.secrets
    server = load(**bare, database_url="postgresql://x/y")
    assert inside.secrets(server)[0].state == "bad"
    assert inside.held_secrets(server) == ()


def test_opening_makes_nothing(tmp_path: Path) -> None:
    """No file, no folder: unknown, and still none afterwards; what cannot be opened is bad, with the mend."""
    settings = configured(tmp_path)
    for found in (open_ledger(settings), open_images(settings)):
        assert isinstance(found, Check)
        assert found.state == "unknown"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ledger.db").write_bytes(b"no database" * 100)
    (tmp_path / "images").write_bytes(b"no folder")
    for found in (open_ledger(settings), open_images(settings)):
        assert isinstance(found, Check)
        assert found.state == "bad"
        assert found.mend


def test_opening(tmp_path: Path) -> None:
    """What is there is opened."""
    settings = configured(tmp_path)
    Ledger(settings.database_url).close()
    (tmp_path / "images").mkdir()
    ledger = open_ledger(settings)
    assert isinstance(ledger, Ledger)
    ledger.close()
    assert isinstance(open_images(settings), Folder)
