import json
import zipfile
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest

from receiver.audit.signing import signer
from receiver.audit.stranger import archive
from receiver.audit.stranger.archive import unpack
from receiver.audit.stranger.check import main
from receiver.audit.stranger.findings import NotABundle, Report
from tests.receiver.audit.bundles import (
    TRAIL,
    Scene,
    bundle,
    checked,
    flipped,
    held,
    is_found,
    named,
    packed,
    resealed,
    scene,
)

__all__ = ["bundle", "held", "scene"]


def test_any_bit_of_the_archive_itself_is_found() -> None:
    """Headers, directory, end: there is one way to write the archive, so that a flip shows, there or in a file."""
    small = {"a": b"", "manifest.json": b"{}", "trail/1-order/entry.json": b"entry"}
    data = packed(small)
    assert unpack(data, Report()) == small
    for at, bit in product(range(len(data)), range(8)):
        report = Report()
        try:
            found = unpack(flipped(data, at, 1 << bit), report)
        except NotABundle:
            continue
        assert report.findings or found != small, (at, bit)


def test_a_bundle_cut_or_lengthened_is_found(bundle: bytes) -> None:
    """At any length."""
    assert all(is_found(bundle[:length]) for length in range(0, len(bundle), 487))
    assert is_found(bundle[:-1])
    assert is_found(bundle + b"\0")
    assert is_found(b"\0" + bundle)


def test_a_file_removed_added_or_renamed_is_named(held: dict[str, bytes]) -> None:
    """The manifest lists what there is, and the archive is else as it should be."""
    less = {name: data for name, data in held.items() if name != "index.html"}
    assert ("removed", "index.html") in {each[:2] for each in checked(packed(less)).findings}
    more = checked(packed(held | {"more.txt": b"more"})).findings
    assert [each[:2] for each in more] == [("inserted", "more.txt")]
    assert {("removed", "index.html"), ("inserted", "other.html")} <= {
        each[:2] for each in checked(packed(less | {"other.html": held["index.html"]})).findings
    }


def test_another_archive_of_the_same_files_is_found(held: dict[str, bytes]) -> None:
    """Compressed, in another order or with a comment: not as it was written, and nothing is ever decompressed."""
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = BytesIO()
        with zipfile.ZipFile(out, "w", compression) as other:
            for name, data in held.items():
                other.writestr(name, data)
        assert is_found(out.getvalue())


def test_a_zip_bomb_stays_small(held: dict[str, bytes]) -> None:
    """Only what is stored as it is counts; a file that would grow is not made to."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("manifest.json", held["manifest.json"])
        bomb.writestr("zeros", bytes(50_000_000))
    report = Report()
    assert sum(map(len, unpack(out.getvalue(), report).values())) <= len(out.getvalue())
    assert report.findings


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "a/../b", "a//b", "a\\b", ".hidden", "a/.b", "c:x", "a\0b", ""]
)
def test_a_name_that_leads_elsewhere_is_no_bundle(held: dict[str, bytes], name: str) -> None:
    """Whoever unpacks it with another tool must not be led out of the folder."""
    with pytest.raises(NotABundle, match="which no bundle does"):
        unpack(packed(held | {name: b"x"}), Report())


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"hello", packed({"other": b"x"}), b"PK\3\4" + b"\xff" * 200])
def test_what_is_no_bundle_is_said_to_be_none(data: bytes) -> None:
    """Not a traceback, and not a finding."""
    with pytest.raises(NotABundle):
        unpack(data, Report())


def test_a_bundle_beyond_the_bound_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its length is looked at first."""
    with (tmp_path / "large.zip").open("wb") as out:
        out.truncate(archive.LARGEST + 1)
    assert main([str(tmp_path / "large.zip")]) == 2
    assert "larger than" in capsys.readouterr().err


def test_trust_begins_with_the_key_that_was_given(scene: Scene, bundle: bytes) -> None:
    """The trail's first key, or its second, which signed; another key trusts nothing. Without one it says so."""
    first, second = (signer(secret, TRAIL).key.vkey() for secret in scene.settings.secrets)
    for key in (first, second):
        report = checked(bundle, key)
        assert (report.findings, report.key, report.pinned) == ([], key, True)
    assert (checked(bundle).key, checked(bundle).pinned) == (first, False)
    stranger = signer(b"a key of nobody that we know", TRAIL).key.vkey()
    report = checked(bundle, stranger)
    assert {"signers.json", "manifest.note", "checkpoint.note"} <= named(report)


def test_a_bundle_made_anew_by_another_is_found_with_the_key(scene: Scene, held: dict[str, bytes]) -> None:
    """Someone who signs everything with a key of their own is told apart by nothing but the key."""
    rows = [{"vkey": signer(b"mallory", TRAIL).key.vkey(), "vouched": None}]
    forged = resealed(scene, held | {"signers.json": json.dumps(rows).encode()}, b"mallory")
    assert is_found(forged)
    assert checked(forged, signer(scene.settings.secrets[0], TRAIL).key.vkey()).findings


def test_a_key_that_nobody_vouches_for_is_not_trusted(scene: Scene, held: dict[str, bytes]) -> None:
    """Neither without a note, nor with that of another key."""
    rows = json.loads(held["signers.json"])
    third = signer(b"the third key of this very house", TRAIL).key.vkey()
    for row in ({"vkey": third, "vouched": None}, {"vkey": third, "vouched": rows[1]["vouched"]}):
        changed = held | {"signers.json": json.dumps([*rows, row]).encode()}
        assert "signers.json" in named(checked(resealed(scene, changed)))
