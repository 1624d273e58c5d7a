from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from receiver.wire.images import FORMATS, HEAD, SUFFIXES, sniff


@pytest.mark.parametrize("media_type", sorted(FORMATS))
def test_each_stored_type_is_known_by_its_first_bytes(media_type: str) -> None:
    """What Pillow writes as a format is sniffed as that format."""
    file = BytesIO()
    Image.new("RGB", (3, 2)).save(file, FORMATS[media_type])
    assert sniff(file.getvalue()[:HEAD]) == media_type


def test_the_tables_speak_of_the_same_types() -> None:
    """A type has a suffix and a decoder, or is not stored."""
    assert SUFFIXES.keys() == FORMATS.keys()


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"RIFF\x24\x00\x00\x00",
        b"GIF88a",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><title>gone</title>",
        b'{"error": "expired"}',
        b"\x1f\x8b\x08\x00",
        b"II*\x00",
        b"BM\x00\x00",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1",
        b" \xff\xd8\xff\xe0",
    ],
)
def test_all_else_is_no_image(head: bytes) -> None:
    """Documents, archives, formats we do not decode and half a magic number are refused."""
    assert sniff(head) is None


@given(st.binary(max_size=HEAD))
@example(b"RIFF")
def test_junk_never_breaks_it(head: bytes) -> None:
    """Any bytes give a known type or None."""
    assert sniff(head) in {None, *SUFFIXES}
