"""Pictures as the command line names them: files too."""

from pathlib import Path

import pytest

from receiver import intake
from receiver.errors import BadOrder
from receiver.wire.orders import InputImage
from submitter.intake import picture
from tests.submitter import desk


@pytest.mark.parametrize(("form", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_a_file_is_read_and_known_by_its_bytes(tmp_path: Path, form: str, media_type: str) -> None:
    """A picture is what its first bytes say, whatever its name says."""
    file = tmp_path / "kitchen.txt"
    file.write_bytes(desk.picture(form=form))

    assert picture(file) == picture(str(file)) == InputImage(None, file.read_bytes(), media_type, "kitchen.txt")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("missing.png", "--image missing.png: No such file"),
        (".", "--image .: Is a directory"),
        ("a\0b.png", "cannot be read"),
        ("n" * 300, "File name too long"),
        ("empty.png", "--image empty.png: not a JPEG, PNG or WebP picture"),
        ("page.html", "--image page.html: not a JPEG, PNG or WebP picture"),
        ("moving.gif", "--image moving.gif: not a JPEG, PNG or WebP picture"),
        ("large.png", "--image large.png: larger than 20 MB"),
        ("data:image/png,rawbytes", "must be base64"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_picture_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, sentence: str
) -> None:
    """A file that is missing, unreadable, too large or no picture is refused in a sentence that names it."""
    monkeypatch.chdir(tmp_path)
    Path("empty.png").touch()
    Path("page.html").write_bytes(b"<!doctype html><title>Sign in</title>")
    Path("moving.gif").write_bytes(desk.picture(form="GIF"))
    with Path("large.png").open("wb") as large:
        large.truncate(intake.MOST_IMAGE_BYTES + 1)

    with pytest.raises(BadOrder) as refusal:
        picture(source)
    assert sentence in str(refusal.value)
