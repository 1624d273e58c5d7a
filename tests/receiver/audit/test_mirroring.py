"""The sealer mirrors every checkpoint: in order, behind its own back, and what was missed later."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from receiver.audit import mirroring
from receiver.audit.mirroring import Mirroring
from receiver.audit.note import MAX_BYTES
from receiver.audit.seal import QUIET, Sealer
from receiver.errors import SealedElsewhere
from receiver.ledger.ledger import Ledger
from tests.objects import ACCOUNT, Objects, refusing
from tests.receiver.audit.editing import editor
from tests.receiver.audit.mirrored import Mirrored
from tests.receiver.house import configured
from tests.receiver.ledger.conftest import backend, database_url, ledger

__all__ = ["backend", "database_url", "ledger"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try comes soon."""
    monkeypatch.setattr(mirroring, "AGAIN", 0.01)


def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sealer hardly waits for the mirror."""
    monkeypatch.setattr(mirroring, "PATIENCE", 0.01)


@pytest.fixture
async def house(ledger: Ledger, database_url: str, tmp_path: Path) -> AsyncIterator[Mirrored]:
    mirror = f"file:{tmp_path}/mirror"
    made = Mirrored(ledger, configured(tmp_path, database_url=database_url, checkpoint_mirror_url=mirror))
    yield made
    for each in made.more:
        each.close()


async def over(sealer: Sealer) -> None:
    """Until nothing is behind any more."""
    made = sealer._witness._mirroring
    assert made is not None
    assert made._task is not None
    await asyncio.wait_for(asyncio.shield(made._task), 30)


def both(house: Mirrored) -> list[bytes]:
    """What the database has."""
    return [row["note"] for row in house.marks()]


async def test_every_checkpoint_is_mirrored(house: Mirrored) -> None:
    """By its number, with its own bytes; a quiet hour's, too."""
    sealer = house.sealer()
    await house.signed(sealer, 3)
    house.now += QUIET
    await sealer.work()
    assert [each.n for each in await house.kept()] == [1, 2, 3, 4]
    assert await house.notes() == both(house)
    assert await house.found() == []


async def test_a_mirror_that_is_new_begins_with_the_newest(house: Mirrored) -> None:
    """It vouches for all before it; years of them are not put."""
    settings, house.settings = house.settings, house.without()
    await house.signed(house.sealer(), 3)
    house.settings = settings
    await house.sealer()._witness.begin()
    assert await house.notes() == both(house)[2:]
    await house.signed(house.sealer(), 2)
    assert await house.notes() == both(house)[2:]
    report = await house.check()
    assert report.findings == []
    assert report.noted == ["the mirror begins at checkpoint 3: 2 before it are not there"]


async def test_the_mirror_is_away_and_comes_back(house: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing goes on; that it is away is said once, and once that it is back. A new one begins with the newest."""
    hasty(monkeypatch)
    house.place.write_bytes(b"")  # something stands where the mirror should
    sealer = house.sealer()
    with structlog.testing.capture_logs() as logs:
        await house.signed(sealer, 4)
        assert len(house.marks()) == 4
        async with asyncio.timeout(30):
            while not any("not mirrored" in each["event"] for each in logs):
                await asyncio.sleep(0.001)
        house.place.unlink()
        await over(sealer)
    said = [(each["log_level"], each["event"]) for each in logs if "mirrored" in each["event"]]
    assert said == [
        ("warning", "checkpoints are not mirrored for now; sealing goes on"),
        ("info", "checkpoints are mirrored again"),
    ]
    assert await house.notes() == both(house)[3:]


async def test_what_was_missed_is_put_later(house: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same sealer, and by the next one before it seals anything; more than is read at once."""
    monkeypatch.setattr(mirroring, "AT_ONCE", 2)
    sealer = house.sealer()
    await house.signed(sealer, 2)
    away = house.place.rename(house.place.with_name("away"))
    house.place.write_bytes(b"")
    with monkeypatch.context() as patched:
        hasty(patched)
        await house.signed(sealer, 3)
        await sealer._witness.end()
    house.place.unlink()
    away.rename(house.place)
    assert len(await house.kept()) == 2
    await house.sealer()._witness.begin()
    assert await house.notes() == both(house)
    await house.signed(sealer, 1)  # it still believes to be at the second
    assert await house.notes() == both(house)


async def test_two_sealers_mirror_one_line(house: Mirrored) -> None:
    """Whoever signs mirrors, what the other has put is there already, and neither complains."""
    two = [house.sealer(), house.sealer()]

    async def work(sealer: Sealer) -> None:
        for _ in range(5):
            try:
                await house.signed(sealer)
            except SealedElsewhere:
                sealer._forget()

    with structlog.testing.capture_logs() as logs:
        await house.signed(two[0])  # a mirror that is new would begin with whatever is the newest when it is looked at
        await asyncio.gather(*map(work, two))
        for sealer in two:
            sealer._forget()
            await house.signed(sealer)
            await over(sealer)
    assert await house.notes() == both(house)
    assert [each for each in logs if each["log_level"] != "info"] == []


async def test_the_database_is_rolled_back_under_the_sealer(house: Mirrored) -> None:
    """It is said; what comes then is mirrored beside what was, and nothing takes the place of anything."""
    sealer = house.sealer()
    await house.signed(sealer, 2)
    with editor(house.settings.database_url) as edit:
        edit.keep()
        await house.signed(sealer, 2)
        before = await house.notes()
        edit.touch(*edit.tables)
        edit.undo()
    sealer._forget()
    with structlog.testing.capture_logs() as logs:
        await house.signed(sealer, 3)
    assert [each["log_level"] for each in logs if "the database has not" in each["event"]] == ["error"]
    after = await house.notes()
    assert set(after) == {*before, *both(house)}
    assert [each.n for each in await house.kept()] == [1, 2, 3, 3, 4, 4, 5]


@pytest.mark.parametrize("there", [b"something else", b"x" * (MAX_BYTES + 1)], ids=["other bytes", "too many"])
async def test_something_else_stands_in_the_place(house: Mirrored, there: bytes) -> None:
    """It is left as it is and said; those behind it are mirrored."""
    sealer = house.sealer()
    await house.signed(sealer, 1)
    kept = (await house.kept())[0]
    (house.place / kept.name).write_bytes(there)
    with structlog.testing.capture_logs() as logs:
        made = Mirroring(house.ledger, house.mirror)
        assert not await made._put((1, both(house)[0]))
        await house.signed(sealer, 1)
    assert [each["log_level"] for each in logs if "was changed" in each["event"]] == ["warning"]
    assert (house.place / kept.name).read_bytes() == there
    assert await house.mirror.get((await house.kept())[1]) == both(house)[1]


async def test_a_bucket_mirrors_as_a_folder_does(
    ledger: Ledger, database_url: str, objects: Objects, tmp_path: Path
) -> None:
    """In S3: put once each, and found again by the next sealer."""
    place = objects.settings() | {"storage_url": "file:images", "checkpoint_mirror_url": objects.url()}
    house = Mirrored(ledger, configured(tmp_path, **(place | {"database_url": database_url})))
    for _ in range(2):
        await house.signed(house.sealer(), 2)
    for each in house.more:
        each.close()
    assert await house.notes() == both(house)
    assert await house.found() == []


async def test_a_store_that_hangs_holds_nobody_up(ledger: Ledger, database_url: str, tmp_path: Path) -> None:
    """A request that is never answered: the sealer waits its second at most, and ends in good order."""
    async with refusing(0) as server:
        account = {name.lower(): value for name, value in ACCOUNT.items()}
        settings = configured(tmp_path, database_url=database_url, checkpoint_mirror_url=server.url(), **account)
        house = Mirrored(ledger, settings)
        sealer = house.sealer()
        with pytest.MonkeyPatch.context() as patched:
            hasty(patched)
            await asyncio.wait_for(house.signed(sealer, 3), 9)
        await asyncio.wait_for(sealer._witness.end(), 9)
        house.more[0].close()
    assert len(house.marks()) == 3
    assert server.heard


async def test_nothing_is_done_without_a_mirror(house: Mirrored) -> None:
    """No setting, no mirror."""
    place, house.settings = house.place, house.without()
    witness = house.sealer()._witness
    await witness.begin()
    await witness.end()
    assert witness._mirroring is None
    assert not place.exists()


async def test_an_empty_database_begins_no_mirror(house: Mirrored) -> None:
    """There is nothing to put yet."""
    made = Mirroring(house.ledger, house.mirror)
    house.place.mkdir()
    await made.saw()
    assert await house.kept() == []
