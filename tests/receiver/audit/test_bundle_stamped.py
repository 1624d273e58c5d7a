"""A bundle under a checkpoint that an authority has stamped."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.audit import timestamp
from receiver.audit.seal import Sealer
from receiver.audit.stranger.findings import Report
from receiver.audit.stranger.stamps import check_stamp
from receiver.audit.witness import Witness
from receiver.ledger.ledger import Ledger
from tests.receiver.audit import bundles
from tests.receiver.audit.authority import REJECTED, Authority
from tests.receiver.audit.bundles import TRAIL, Scene, checked, files, flipped, named, resealed, scene
from tests.receiver.audit.scene import stamped
from tests.receiver.house import NOW, configured

__all__ = ["scene"]

AUTHORITY = Authority()
LATER = NOW + timedelta(hours=1)
STAMP = "checkpoint.tsr"


@pytest.fixture
def own(scene: Scene, tmp_path: Path) -> Scene:
    """A copy whose checkpoint has no stamp yet."""
    shutil.copytree(scene.folder, tmp_path / "own")
    return Scene(tmp_path / "own", configured(tmp_path / "own"), scene.jobs)


@pytest.fixture
def held(own: Scene) -> dict[str, bytes]:
    """The files of a bundle with a stamp."""
    within(own, lambda ledger: sealed_and_stamped(own, ledger, 1))
    return files(own.export().data)


def within(scene: Scene, work: Callable[[Ledger], Awaitable[object]]) -> None:
    async def whole() -> None:
        ledger = Ledger(scene.settings.database_url)
        try:
            await work(ledger)
        finally:
            ledger.close()

    asyncio.run(whole())


async def sealed_and_stamped(scene: Scene, ledger: Ledger, hours: int) -> None:
    """Another checkpoint, with its stamp."""
    at = NOW + timedelta(hours=hours)
    await Sealer(ledger, scene.settings.secrets, TRAIL, lambda: at, Witness(scene.settings.database_url)).work()
    await stamped(ledger, at, AUTHORITY)


def test_the_first_stamped_checkpoint_is_taken_and_stays(own: Scene) -> None:
    """Without a stamp the first checkpoint will do; with later ones the bytes change once, and never again."""
    plain = files(own.export().data)
    within(own, lambda ledger: sealed_and_stamped(own, ledger, 1))
    first = own.export().data
    within(own, lambda ledger: sealed_and_stamped(own, ledger, 2))
    held = files(first)
    assert STAMP not in plain
    assert held["checkpoint.note"] != plain["checkpoint.note"]
    assert own.export().data == first
    timestamp.verify(held[STAMP], held["checkpoint.note"], [AUTHORITY.root])


def test_the_check_says_what_it_did_not_check(held: dict[str, bytes]) -> None:
    """The hash fits; whose signature it is, openssl and a root from elsewhere can tell. The page says how, too."""
    report = checked(bundles.packed(held))
    assert report.findings == []
    assert report.checked["timestamp hashes"] == 1
    [sentence] = [each for each in report.noted if each.startswith(STAMP)]
    assert f"was there at {LATER.isoformat()}" in sentence
    assert "Who signed that is not checked here" in sentence
    command = "openssl ts -verify -in checkpoint.tsr -data checkpoint.note -CAfile ROOTS.pem"
    assert sentence.endswith(command)
    assert command in held["index.html"].decode()


def test_the_script_inside_reads_the_stamp_too(own: Scene, held: dict[str, bytes], tmp_path: Path) -> None:
    """As one file, outside of our packages."""
    (tmp_path / "proof.zip").write_bytes(own.export().data)
    (tmp_path / "verify.py").write_bytes(held["verify.py"])
    command = [sys.executable, "-I", str(tmp_path / "verify.py"), str(tmp_path / "proof.zip"), "--json"]
    done = subprocess.run(command, capture_output=True, cwd="/", check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["good"], said["checked"]["timestamp hashes"]) == (0, True, 1)


def test_a_stamp_of_something_else_is_found(scene: Scene, held: dict[str, bytes]) -> None:
    """Even where the trail's owner has signed the manifest anew."""
    note = held["checkpoint.note"]
    refused = Authority(status=REJECTED)
    for wrong in (
        AUTHORITY.answer(timestamp.ask(note + b"x").data), refused.answer(timestamp.ask(note).data), b"", b"nonsense",
        held[STAMP] + b"x", held[STAMP][:-1], note,
    ):  # fmt: skip
        report = checked(resealed(scene, held | {STAMP: wrong}))
        assert [(what, where) for what, where, _ in report.findings] == [("forged", STAMP)], wrong
        assert not report.checked["timestamp hashes"]


def test_whatever_the_stamp_holds_the_check_ends(held: dict[str, bytes]) -> None:
    """Every byte altered, and every length cut: a finding or the same hash, and nothing else escapes."""
    response, note = held[STAMP], held["checkpoint.note"]
    altered = [flipped(response, at, by) for at in range(len(response)) for by in (1, 0x80, 0xFF)]
    for data in (*altered, *(response[:at] for at in range(len(response)))):
        report = Report()
        with report.naming("forged", STAMP):
            check_stamp(data, note, report)
        assert bool(report.findings) != bool(report.checked["timestamp hashes"])
        assert named(report) <= {STAMP}


def test_a_stamp_that_was_tampered_with_is_not_handed_over(own: Scene, held: dict[str, bytes]) -> None:
    """Where its row is of other bytes than its checkpoint's, the bundle is one without it."""
    with closing(sqlite3.connect(own.folder / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE stamp SET note_sha256 = substr(note_sha256, 2)")
    again = own.export().data
    assert STAMP in held
    assert STAMP not in files(again)
    assert checked(again).findings == []
