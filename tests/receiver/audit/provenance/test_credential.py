import json
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from receiver.audit.provenance import child, credential, reading
from receiver.audit.provenance.credential import ABSENT, MISSING, Credential
from tests.receiver.audit.provenance.making import AI, FORMATS, borrowed, packet, plain, signed, with_xmp

HELD = Credential("valid", "Test Maker", "a model 1.5", None, AI)


def read(folder: Path, data: bytes, media_type: str = "image/jpeg") -> Credential:
    file = folder / "-file"  # no option to anyone
    file.write_bytes(data)
    return reading.read(file, media_type).credential


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_signed_picture_is_valid(tmp_path: Path, media_type: str) -> None:
    """Really signed files: issuer, claim generator and source type are read; an unknown root is no fault."""
    assert read(tmp_path, signed(media_type), media_type) == HELD


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_plain_picture_has_none(tmp_path: Path, media_type: str) -> None:
    """Absent, and nothing else is said."""
    assert read(tmp_path, plain(media_type), media_type) == ABSENT


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_one_bit_of_the_picture_makes_it_invalid(tmp_path: Path, media_type: str) -> None:
    """The picture was altered since it was signed; what the credential says is kept as a claim."""
    data = flipped(signed(media_type), -20)
    assert read(tmp_path, data, media_type) == replace(HELD, state="invalid", detail="assertion.dataHash.mismatch")


def test_one_bit_of_the_claim_makes_it_invalid(tmp_path: Path) -> None:
    """The claim was altered: its signature does not hold."""
    data = signed("image/jpeg")
    found = read(tmp_path, flipped(data, data.index(b"a model")))
    assert (found.state, found.detail) == ("invalid", "claimSignature.mismatch")


def test_a_credential_of_another_picture_is_invalid(tmp_path: Path) -> None:
    """A credential cut out of one file and put into another does not hold there."""
    found = read(tmp_path, borrowed(), "image/png")
    assert (found.state, found.detail) == ("invalid", "assertion.dataHash.mismatch")


@pytest.mark.parametrize("broken", ["cut", "no boxes", "junk", "other type"])
def test_what_cannot_be_made_out_is_unreadable(tmp_path: Path, broken: str) -> None:
    """A box is there, but cut off, emptied, filled with junk: a sentence, no exception."""
    data, media_type = signed("image/jpeg"), "image/jpeg"
    at = data.index(b"jumb")
    hole = {"no boxes": bytes(4000), "junk": b"\xff" * 4000, "cut": b"", "other type": b""}[broken]
    data = data[:4000] if broken == "cut" else data[: at + 60] + hole + data[at + 60 + len(hole) :]
    if broken == "other type":
        data, media_type = plain("image/png")[:33] + b"\0\0\0\4caBXjunk\0\0\0\0" + plain("image/png")[33:], "image/png"
    found = read(tmp_path, data, media_type)
    assert found.state == "unreadable"
    assert found.detail


def test_nobody_is_called(tmp_path: Path) -> None:
    """A file that names where its credential lies has none here, and reading it all the same opens no connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        data = signed("image/jpeg", remote=f"http://127.0.0.1:{listening.getsockname()[1]}/store.c2pa")
        assert b"/store.c2pa" in data
        assert read(tmp_path, data) == ABSENT
        assert credential.read(tmp_path / "-file", "image/jpeg").state == "unreadable"
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_without_the_extra_it_is_told_that_one_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not installed is not absent, and says what to install."""
    monkeypatch.setattr(credential, "installed", lambda: False)
    assert read(tmp_path, signed("image/jpeg")) == Credential("present", detail=MISSING)
    assert read(tmp_path, plain("image/jpeg")) == ABSENT


def test_the_reader_is_told_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that parses what strangers made gets no environment of ours, and may write nothing."""
    told = tmp_path / "child.py"
    told.write_text(
        "import json, os, resource, sys\n"
        f"sys.path.insert(0, {str(Path(child.__file__).parent)!r})\n"
        "import child; child.confine()\n"
        "names = ' '.join(sorted(os.environ))\n"
        "limit = str(resource.getrlimit(resource.RLIMIT_FSIZE))\n"
        "print(json.dumps({'state': 'valid', 'detail': names, 'issuer': limit}))"
    )
    monkeypatch.setenv("PROOFHOOK_SECRET", "s" * 32)
    monkeypatch.setattr(child, "__file__", str(told))
    found = credential.read(tmp_path / "any", "image/jpeg")
    assert found.issuer == "(0, 0)"
    assert "PATH" in (found.detail or "")
    assert "SECRET" not in (found.detail or "")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import os; os.abort()", "its reader ended with status -6"),
        ("print('[' * 100000)", "its reader ended with status 0"),
        ('print(\'{"state": "trusted"}\')', "its reader ended with status 0"),
        ("print('[]')", "its reader ended with status 0"),
        ("import threading; threading.Event().wait()", "not read within 0.3 s"),
    ],
)
def test_a_reader_that_dies_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    """A crash of the native library, nonsense, no end: unreadable, within the time given."""
    file = tmp_path / "child.py"
    file.write_text(script)
    monkeypatch.setattr(child, "__file__", str(file))
    monkeypatch.setattr(credential, "TIMEOUT", 0.3 if "Event" in script else 10)
    assert credential.read(tmp_path / "any", "image/jpeg") == Credential("unreadable", detail=said)


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("2026-03-01T12:00:00+00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))),
        ("2026-03-01T12:00:00", None),
        ("soon", None),
        (7, None),
        (None, None),
    ],
)
def test_when(given: object, at: datetime | None) -> None:
    """The time of a credential is a time with its zone, or it is left out."""
    found = credential._said(json.dumps({"state": "valid", "signed_at": given}).encode())
    assert found is not None
    assert found.signed_at == at


def test_the_child_needs_nothing_of_ours(tmp_path: Path) -> None:
    """It runs isolated, from any folder, and imports no module of this project."""
    (tmp_path / "file").write_bytes(signed("image/png"))
    code = f"import runpy, sys; sys.argv = ['', {str(tmp_path / 'file')!r}, 'image/png']\n"
    code += f"runpy.run_path({child.__file__!r}, run_name='__main__')\n"
    code += "assert not {name for name in sys.modules if name.partition('.')[0] in ('receiver', 'submitter')}"
    ended = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(ended.stdout)["state"] == "valid"


def test_the_xmp_beside_a_credential(tmp_path: Path) -> None:
    """Both are told apart; the signed word comes first."""
    ext = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    xmp = packet(f'<rdf:Description {ext} Iptc4xmpExt:DigitalSourceType="http://x/other"/>')
    (tmp_path / "file").write_bytes(with_xmp("image/webp", xmp))
    found = reading.read(tmp_path / "file", "image/webp")
    assert (found.credential, found.xmp_source_type, found.source_type) == (ABSENT, "http://x/other", "http://x/other")
    both = reading.Provenance(Credential("valid", source_type=AI), "http://x/other")
    assert both.source_type == AI
    assert replace(both, credential=Credential("invalid", source_type=AI)).source_type == "http://x/other"
    assert reading.word(both.source_type) == "trainedAlgorithmicMedia"
    assert reading.word("http://x/other") == "http://x/other"
