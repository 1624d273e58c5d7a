"""What `audit verify` says of timestamps, beyond what the tamper suite edits."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.audit import note, signing, timestamp
from receiver.audit.findings import Report
from receiver.audit.verify import Verifier
from receiver.errors import Misconfigured
from receiver.ledger import stamps
from receiver.ledger.evidence import moment
from receiver.storage import Memory
from tests.receiver.audit.asking import AUTHORITY, HOUR, house
from tests.receiver.audit.authority import Authority
from tests.receiver.audit.editing import editor
from tests.receiver.audit.scene import NAME, stamped
from tests.receiver.audit.sealing import Trail
from tests.receiver.house import NOW, configured
from tests.receiver.ledger.conftest import backend, database_url, ledger

__all__ = ["backend", "database_url", "house", "ledger"]

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def sealed(house: Trail) -> None:
    house.now += timedelta(seconds=2)
    await house.sealer().work()


async def verified(house: Trail, tmp_path: Path, roots: bytes | None) -> Report:
    """What is found with these roots, none with None."""
    (tmp_path / "given.pem").write_bytes(roots or b"")
    settings = configured(tmp_path, tsa_roots=str(tmp_path / "given.pem") if roots is not None else "")
    report = Report()
    await Verifier(house.ledger, Memory(), settings, lambda: house.now).run(report)
    return report


def found(report: Report) -> Sequence[tuple[str, str]]:
    return [(each.what, each.where) for each in report.findings]


async def test_without_roots_stamps_are_kept_and_that_is_said(house: Trail, tmp_path: Path) -> None:
    """No word of an authority that nobody trusts is passed on; the mend is named."""
    await stamped(house.ledger, NOW, AUTHORITY)
    await sealed(house)
    report = await verified(house, tmp_path, None)
    assert report.findings == []
    said = "timestamps of checkpoints that are kept, and cannot be verified: 1; set TSA_ROOTS to the authority's root "
    assert report.noted == [f"{said}certificates"]
    assert report.checked["timestamps"] == 0


async def test_without_the_extra_that_is_said(house: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even with roots: nothing is claimed that was not looked at."""
    await stamped(house.ledger, NOW, AUTHORITY)
    await sealed(house)
    monkeypatch.setattr(timestamp, "installed", lambda: False)
    report = await verified(house, tmp_path, AUTHORITY.roots)
    assert report.findings == []
    said = "timestamps of checkpoints that are kept, and cannot be verified: 1; pip install 'proofhook[timestamps]'"
    assert report.noted == [said]


async def test_a_stamp_below_another_root_is_forged(house: Trail, tmp_path: Path) -> None:
    """By the same names, but with other keys. With the roots of both, each is good."""
    other = Authority(NOW)
    made = await stamped(house.ledger, NOW, other)
    await sealed(house)
    report = await verified(house, tmp_path, AUTHORITY.roots)
    assert found(report) == [("forged", f"stamp {made.note_sha256}")]
    assert not any("was stamped by" in sentence for sentence in report.noted)
    assert found(await verified(house, tmp_path, AUTHORITY.roots + other.roots)) == []


@pytest.mark.parametrize("response", [b"", b"nonsense", b"0\x03\x02\x01\x02"])
async def test_what_is_no_stamp_is_named(house: Trail, tmp_path: Path, response: bytes) -> None:
    """Slipped in through the queue, so that our own sealer seals it."""
    [mark] = house.marks()
    row = stamps.Stamped(stamps.name(mark["note"]), 1, "https://tsa.example/", NOW, NOW, response)
    await house.ledger.fact(lambda c: stamps.add(c, row))
    await sealed(house)
    assert found(await verified(house, tmp_path, AUTHORITY.roots)) == [("forged", f"stamp {row.note_sha256}")]


async def test_a_stamp_of_other_bytes_is_named(house: Trail, tmp_path: Path) -> None:
    """A good one, of an earlier checkpoint, filed as one of this."""
    first = await stamped(house.ledger, NOW, AUTHORITY)
    await sealed(house)
    mark = house.marks()[-1]
    row = stamps.Stamped(stamps.name(mark["note"]), mark["n"], "", house.now, NOW, first.response)
    await house.ledger.fact(lambda c: stamps.add(c, row))
    await sealed(house)
    assert found(await verified(house, tmp_path, AUTHORITY.roots)) == [("forged", f"stamp {row.note_sha256}")]


async def test_a_stamp_from_before_its_checkpoint_is_backdated(house: Trail, tmp_path: Path) -> None:
    """One of the two clocks was wrong, and the checkpoint's is ours; a quarter of an hour passes."""
    early = await stamped(house.ledger, NOW - timedelta(minutes=16), AUTHORITY)
    await sealed(house)
    within = await stamped(house.ledger, house.now - timedelta(minutes=14), AUTHORITY)
    await sealed(house)
    names = {where for what, where in found(await verified(house, tmp_path, AUTHORITY.roots)) if what == "backdated"}
    assert f"stamp {early.note_sha256}" in names
    assert f"stamp {within.note_sha256}" not in names


async def test_a_history_that_our_own_key_signed_anew_has_not_the_stamp(house: Trail, tmp_path: Path) -> None:
    """Who holds the secret can sign another checkpoint in its place: an authority's stamp is of the first one."""
    made = await stamped(house.ledger, NOW, AUTHORITY)
    with editor(house.settings.database_url) as edit:
        [mark] = edit.rows("checkpoint")
        text = mark["note"].decode().rpartition("\n\n")[0] + "\nanother line\n"
        again = note.sign(text, [signing.signer(house.settings.secrets[-1], NAME)])
        edit.set("checkpoint", mark, note=again)
    await sealed(house)
    assert found(await verified(house, tmp_path, AUTHORITY.roots)) == [("removed", f"stamp {made.note_sha256}")]


async def test_the_last_stamp_of_each_authority_is_told(house: Trail, tmp_path: Path) -> None:
    """By whom, when, and how many there are before it."""
    for _ in range(3):
        await stamped(house.ledger, house.now, AUTHORITY)
        house.now += HOUR
        await house.sealer().work()
    other = Authority(name="Second Authority")
    await stamped(house.ledger, house.now, other)
    await sealed(house)
    report = await verified(house, tmp_path, AUTHORITY.roots + other.roots)
    assert (report.findings, report.checked["timestamps"]) == ([], 4)
    third, fourth = (moment(NOW + timedelta(hours=hours)) for hours in (2, 3))
    assert report.noted == [
        f"checkpoint 3 was stamped by CN=Test Authority at {third}; 2 before it since {moment(NOW)}",
        f"checkpoint 4 was stamped by CN=Second Authority at {fourth}",
    ]


async def test_roots_that_cannot_be_read_are_a_wrong_setting(house: Trail, tmp_path: Path) -> None:
    """Not a silent look without them."""
    with pytest.raises(Misconfigured, match=r"TSA_ROOTS: .*given\.pem"):
        await verified(house, tmp_path, b"no certificate")
