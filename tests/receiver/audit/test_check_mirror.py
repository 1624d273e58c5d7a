"""The mirror against the database: whatever was done to either of them is named."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.audit import check_mirror, note
from receiver.audit.findings import Report
from receiver.audit.mirror import Kept, digest
from receiver.audit.note import MAX_BYTES
from receiver.audit.verify import Verifier
from receiver.ledger.ledger import Ledger
from receiver.storage import Memory
from tests import postgres
from tests.objects import ACCOUNT, Objects, refusing
from tests.receiver.audit import forging
from tests.receiver.audit.editing import editor
from tests.receiver.audit.mirrored import Mirrored
from tests.receiver.audit.scene import NAME
from tests.receiver.house import configured

EVIDENCE = Path(__file__).parents[3] / "docs" / "evidence.md"
LATER = check_mirror.LATE * 2
FIRST = "mirror/checkpoint/000000/000/00000000000"


async def stood_up(folder: Path, **given: str) -> AsyncIterator[Mirrored]:
    """On a server: nothing is kept beside it."""
    url = postgres.fresh()
    ledger = Ledger(url)
    made = Mirrored(ledger, configured(folder, database_url=url, **given))
    yield made
    for each in (ledger, *made.more):
        each.close()
    postgres.drop(url)


@pytest.fixture(params=["folder", "bucket"])
async def either(request: pytest.FixtureRequest, objects: Objects, tmp_path: Path) -> AsyncIterator[Mirrored]:
    """With a mirror of either kind."""
    url = objects.url() if request.param == "bucket" else f"file:{tmp_path}/mirror"
    account = {name.lower(): value for name, value in ACCOUNT.items()}
    async for made in stood_up(tmp_path, checkpoint_mirror_url=url, **account):
        yield made


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Mirrored]:
    """With four checkpoints, mirrored to a folder."""
    async for made in stood_up(tmp_path, checkpoint_mirror_url=f"file:{tmp_path}/mirror"):
        await made.signed(made.sealer(), 4)
        yield made


async def files(house: Mirrored) -> list[Path]:
    """The objects of a mirror in a folder, by their numbers."""
    return [house.place / each.name for each in await house.kept()]


async def test_the_newest_checkpoint_is_deleted(either: Mirrored) -> None:
    """Its entries are there, nothing was sealed since, and the database is consistent in itself."""
    await either.signed(either.sealer(), 3)
    assert await either.found() == []
    with editor(either.settings.database_url) as edit:
        edit.delete("checkpoint", edit.rows("checkpoint")[-1])
    assert await either.found() == [("rolled back", "checkpoint 3")]
    either.settings = either.without()
    assert (await either.check()).findings == []


async def test_the_database_is_rolled_back(either: Mirrored) -> None:
    """To a state of before, whole and consistent: each checkpoint that it had since is named."""
    await either.signed(either.sealer(), 1)
    with editor(either.settings.database_url) as edit:
        edit.keep()
        await either.signed(either.sealer(), 2)
        edit.touch(*edit.tables)
        edit.undo()
    assert await either.found() == [("rolled back", "checkpoint 2"), ("rolled back", "checkpoint 3")]
    details = [each.detail for each in (await either.check()).findings]
    assert all("do not make its root" in each for each in details)


async def test_the_database_is_rolled_back_to_nothing(house: Mirrored) -> None:
    """Without any key of ours left in it: they follow from our secret."""
    with editor(house.settings.database_url) as edit:
        for table in ("trail", "tile", "checkpoint", "signer"):
            edit.run(f"DELETE FROM {table}")  # noqa: S608  our own names
    found = [each for each in await house.found() if each[0] != "inserted"]  # its rows were never sealed, it seems
    assert found == [("rolled back", f"checkpoint {n}") for n in (1, 2, 3, 4)]


async def test_a_rolled_back_database_goes_on(house: Mirrored) -> None:
    """Our own sealer signs the new history: the old one is still named, by its numbers."""
    with editor(house.settings.database_url) as edit:
        edit.keep()
        await house.signed(house.sealer(), 2)
        edit.touch(*edit.tables)
        edit.undo()
    await house.signed(house.sealer(), 3)
    assert await house.found() == [("rolled back", "checkpoint 5"), ("rolled back", "checkpoint 6")]


async def test_one_in_the_middle_is_deleted(house: Mirrored) -> None:
    """Its number is missing, and the mirror still has it."""
    with editor(house.settings.database_url) as edit:
        edit.delete("checkpoint", edit.rows("checkpoint")[1])
    assert ("removed", "checkpoint 2") in await house.found()
    assert any("is kept in" in each.detail for each in (await house.check()).findings)


async def test_one_is_another_now(house: Mirrored) -> None:
    """Whoever has our secret signs another note in its place: the one that was mirrored says so."""
    with editor(house.settings.database_url) as edit:
        row = edit.rows("checkpoint")[-1]
        text = row["note"].decode().rpartition("\n\n")[0] + "\nmore of it\n"
        edit.set("checkpoint", row, note=note.sign(text, [await house.sealer()._key()]))
    assert await house.found() == [("changed", "checkpoint 4")]


@pytest.mark.parametrize("n", [2, 5])
async def test_a_mirrored_note_is_forged(house: Mirrored, n: int) -> None:
    """A stranger's signature under a name that fits: of a number that is taken, or of one to come."""
    text = (await house.notes())[1]
    assert text is not None
    forged = note.sign(text.decode().rpartition("\n\n")[0] + "\n", [forging.stranger(NAME)])
    assert await house.mirror.put(n, forged)
    assert await house.found() == [("forged", f"{FIRST}{n}")]


@pytest.mark.parametrize("how", ["a byte", "longer", "far longer"])
async def test_a_mirrored_note_is_altered(house: Mirrored, how: str) -> None:
    """By its length at once, and the newest by their bytes."""
    file = (await files(house))[1]
    data = file.read_bytes()
    harm = {"a byte": data[:-5] + b"AAAA\n", "longer": data + b"x", "far longer": b"x" * (MAX_BYTES + 1)}
    file.write_bytes(harm[how])
    assert await house.found() == [("altered", f"{FIRST}2")]


@pytest.mark.parametrize("how", ["altered", "far longer", "gone"])
async def test_one_that_only_the_mirror_had_is_harmed(house: Mirrored, how: str) -> None:
    """What its name says cannot be judged any more, and is not let pass."""
    with editor(house.settings.database_url) as edit:
        edit.delete("checkpoint", edit.rows("checkpoint")[-1])
    file = (await files(house))[3]
    file.write_bytes(b"x" * (MAX_BYTES + 1) if how == "far longer" else b"x")
    if how == "gone":
        file.unlink()
    assert await house.found() == ([("altered", f"{FIRST}4")] if how != "gone" else [])


async def test_a_strange_name_is_named(house: Mirrored) -> None:
    """Neither a file of another's nor a good name in a wrong folder is a checkpoint; a folder of no number is none."""
    file = (await files(house))[0]
    for folder in ("9" * 13, "junk", "0000000"):
        (house.place / "checkpoint" / folder / "999").mkdir(parents=True)
    file.with_name("readme").write_bytes(b"")
    (file.parent / "000").mkdir()
    (file.parent / "000" / file.name).write_bytes(file.read_bytes())
    assert sorted(await house.found()) == [
        ("inserted", "mirror/checkpoint/000000/000/000/000000000001"),
        ("inserted", "mirror/checkpoint/000000/000/readme"),
    ]


async def test_what_the_mirror_lacks(house: Mirrored) -> None:
    """Runs of numbers are named together; what is young may still be on its way; what was before it is noted."""
    first, second, *rest = await files(house)
    second.unlink()
    assert await house.found() == []
    house.now += LATER
    await house.signed(house.sealer())
    assert await house.found() == [("missing", "checkpoint 2")]
    rest[0].unlink()
    assert await house.found() == [("missing", "checkpoint 2 to 3")]
    first.unlink()
    report = await house.check()
    assert report.findings == []
    assert report.noted == ["the mirror begins at checkpoint 4: 3 before it are not there"]


async def test_a_mirror_that_was_emptied(house: Mirrored) -> None:
    """Nothing at all is there, and something should be."""
    for file in await files(house):
        file.unlink()
    assert await house.found() == []
    house.now += LATER
    assert await house.found() == [("missing", "checkpoint 4")]


async def test_an_empty_ledger_and_an_empty_mirror_agree(tmp_path: Path) -> None:
    """Before anything is sealed nothing is missing."""
    (tmp_path / "mirror").mkdir()
    async for made in stood_up(tmp_path, checkpoint_mirror_url=f"file:{tmp_path}/mirror"):
        assert await made.found() == []


async def test_a_mirror_that_does_not_answer(house: Mirrored, tmp_path: Path) -> None:
    """It is no good evidence, and no traceback: one line with the reason."""
    house.place.rename(house.place.with_name("away"))
    [found] = (await house.check()).findings
    assert (found.what, found.where) == ("unreadable", "mirror")
    assert "No such file" in found.detail
    async with refusing(403, "AccessDenied") as server:
        account = {name.lower(): value for name, value in ACCOUNT.items()}
        place = {"database_url": house.settings.database_url, "checkpoint_mirror_url": server.url()}
        house.settings = configured(tmp_path, **place, **account)
        [found] = (await house.check()).findings
    assert "AccessDenied" in found.detail


async def checked(house: Mirrored, *, deep: bool, since_last: bool = False) -> Report:
    report = Report()
    since = house.now if since_last else None
    await Verifier(house.ledger, Memory(), house.settings, lambda: house.now).run(report, since, deep=deep)
    return report


async def test_how_many_are_read(house: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """All names are compared; the newest are read, with --images all, and then with --since those since."""
    monkeypatch.setattr(check_mirror, "NEWEST", 2)
    reports = [await checked(house, deep=False), await checked(house, deep=True)]
    reports.append(await checked(house, deep=True, since_last=True))
    assert [each.checked["mirrored checkpoints"] for each in reports] == [4, 4, 4]
    assert [each.checked["mirrored checkpoints read"] for each in reports] == [2, 4, 1]
    file = (await files(house))[0]
    file.write_bytes(file.read_bytes()[:-5] + b"AAAA\n")
    assert (await checked(house, deep=False)).findings == []
    assert [each.what for each in (await checked(house, deep=True)).findings] == ["altered"]


async def test_numbers_of_many_folders(house: Mirrored) -> None:
    """A thousand to a folder; one that is gone as a whole is missed, too."""
    with editor(house.settings.database_url) as edit:
        edit.set("checkpoint", edit.rows("checkpoint")[-1], n=999)
    await house.signed(house.sealer(), 3)
    kept = await house.kept()
    assert [each.n for each in kept] == [1, 2, 3, 4, 999, 1000, 1001, 1002]
    assert kept[-1].name.startswith("checkpoint/000000/001/000000001002-")
    assert await house.mirror.rooms() == [0, 1]
    house.now += LATER
    of_mirror = {("rolled back", "checkpoint 4"), ("removed", "checkpoint 4")}
    assert len(of_mirror & set(await house.found())) == 1
    for each in kept[5:]:
        (house.place / each.name).unlink()
    assert ("missing", "checkpoint 1000 to 1002") in await house.found()


async def test_too_many_that_the_database_has_not(house: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are read and named, the others counted."""
    monkeypatch.setattr(check_mirror, "MOST_MISSED", 2)
    puts = [house.mirror.put(n, b"junk") for n in range(10, 15)]
    await asyncio.gather(*puts)
    found = await house.found()
    assert found[:2] == [("forged", f"mirror/checkpoint/000000/000/0000000000{n}") for n in (10, 11)]
    assert found[2:] == [("rolled back", "mirror")]
    assert "3 more" in (await house.check()).findings[-1].detail


async def test_a_stranger_verifies_a_mirrored_note(house: Mirrored, tmp_path: Path) -> None:
    """The lines in docs/evidence.md do it, without our database; another key and other bytes are not good."""
    script = tmp_path / "check.py"
    script.write_text(EVIDENCE.read_text().partition("```python\n")[2].partition("```")[0])
    file, vkey = (await files(house))[1], (await house.sealer()._key()).key.vkey()

    def status(key: str) -> int:
        return subprocess.run([sys.executable, "-I", script, file, key], capture_output=True, check=False).returncode

    assert [status(vkey), status(forging.stranger(NAME).key.vkey())] == [0, 1]
    file.write_bytes(file.read_bytes().replace(b"time 2", b"time 3"))
    assert status(vkey) == 1


def test_a_name_says_number_and_hash() -> None:
    """As docs/evidence.md has it."""
    name = Kept(12_012_345, digest(b"a"), 1).name
    assert name == f"checkpoint/000012/012/000012012345-{digest(b'a')}"
    assert name in EVIDENCE.read_text()
