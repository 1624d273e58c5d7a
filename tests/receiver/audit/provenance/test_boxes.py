import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from receiver.audit.provenance import boxes
from receiver.audit.provenance.boxes import Found, find
from tests.receiver.audit.provenance.making import FORMATS, chunk, packet, plain, signed, with_xmp

XMP = packet("<!-- nothing -->")
SWELLING = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(1 << 20)))
HEADS = {kind: plain(kind)[:33] for kind in FORMATS}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("boxes") / "file"


def found(file: Path, data: bytes, media_type: str) -> Found:
    file.write_bytes(data)
    return find(file, media_type)


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_credential_is_found_in_every_format(file: Path, media_type: str) -> None:
    """APP11, caBX, C2PA and C2PA_GIF, as c2pa-rs writes them; a plain picture has none."""
    assert found(file, signed(media_type), media_type).credential
    assert found(file, plain(media_type), media_type) == Found(credential=False, packets=())


@pytest.mark.parametrize("media_type", FORMATS)
def test_xmp_is_found_in_every_format(file: Path, media_type: str) -> None:
    """APP1, iTXt, `XMP ` and XMP DataXMP, the packet byte for byte."""
    assert found(file, with_xmp(media_type, XMP), media_type) == Found(credential=False, packets=(XMP,))


def test_packed_xmp_is_unpacked_within_bounds(file: Path) -> None:
    """A compressed iTXt is read; one that would swell past the bound is cut there, a damaged one is nothing."""
    assert found(file, with_xmp("image/png", XMP, packed=True), "image/png").packets == (XMP,)
    (cut,) = found(file, with_xmp("image/png", bytes(32 << 20), packed=True), "image/png").packets
    assert len(cut) == boxes.MOST_XMP
    junk = HEADS["image/png"] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0junk")
    assert found(file, junk, "image/png").packets == (b"",)


def test_a_type_that_is_not_ours_has_nothing(file: Path) -> None:
    """What is not stored is not looked at."""
    assert found(file, signed("image/jpeg"), "image/avif") == Found(credential=False, packets=())


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_cut_file_ends_the_walk(file: Path, media_type: str) -> None:
    """Whatever byte a file ends at, nothing is raised."""
    data = with_xmp(media_type, XMP)
    for end in range(0, len(data), 7):
        assert not found(file, data[:end], media_type).credential


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/jpeg", b"\xff\xd8" + b"\xff" * (8 << 20)),
        ("image/jpeg", b"\xff\xd8" + b"\xff\xe1\0\2" * (2 << 20)),
        ("image/png", HEADS["image/png"] + chunk(b"teXt", b"") * 700_000),
        ("image/png", HEADS["image/png"] + SWELLING * 4000),
        ("image/webp", HEADS["image/webp"][:12] + b"XMP \0\0\0\0" * (1 << 20)),
        ("image/gif", b"GIF89a" + bytes(7) + b"!\xfe\1a\0" * (2 << 20)),
        ("image/gif", b"GIF89a" + bytes(7) + b"!\xfe" + b"\1a" * (4 << 20)),
    ],
    ids=["fill", "empty segments", "empty chunks", "swelling chunks", "empty XMP", "comments", "small blocks"],
)  # fmt: skip
def test_a_file_of_nothing_but_boxes_takes_little(file: Path, media_type: str, data: bytes) -> None:
    """However many boxes there are, the walk takes no more than seconds of the processor, and keeps less than 2 MiB."""
    before = time.process_time()
    seen = found(file, data, media_type)
    assert time.process_time() - before < 3
    assert sum(map(len, seen.packets)) < 2 << 20
    assert len(seen.packets) <= boxes.MOST_XMP // boxes.LEAST


@given(some.sampled_from(sorted(FORMATS)), some.binary(max_size=300))
def test_junk_behind_a_good_head_raises_nothing(file: Path, media_type: str, junk: bytes) -> None:
    """Any bytes at all behind a format's own first bytes."""
    head = {"image/jpeg": 2, "image/png": 8, "image/webp": 12, "image/gif": 13}[media_type]
    found(file, HEADS[media_type][:head] + junk, media_type)
