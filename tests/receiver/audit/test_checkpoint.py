import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import checkpoint, note
from receiver.audit.checkpoint import Checkpoint
from receiver.audit.merkle import EMPTY_ROOT
from receiver.audit.note import Believed
from receiver.audit.notekey import Signer
from receiver.errors import BrokenEvidence

ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
# c2sp.org/tlog-checkpoint: its example's text.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def read(text: str) -> Checkpoint:
    return checkpoint.parse(Believed(text, ()))


def test_the_specifications_example() -> None:
    """The published checkpoint is read, and written again byte for byte."""
    expected = Checkpoint("example.com/behind-the-sofa", 20852163, ROOT)

    assert read(EXAMPLE) == expected
    assert expected.text() == EXAMPLE


def test_it_goes_through_a_note() -> None:
    """Signed, verified and parsed, a checkpoint with extension lines is what it was."""
    signer = Signer("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    given_ = Checkpoint("example.com/log", 7, ROOT, ("time 2026-09-21T12:00:00Z", "more"))

    assert checkpoint.parse(note.verify(note.sign(given_.text(), [signer]), [signer.key])) == given_


def test_an_empty_tree() -> None:
    """Size 0 is allowed, with the root of nothing and no other."""
    empty = Checkpoint("o", 0, EMPTY_ROOT)

    assert read(empty.text()) == empty
    with pytest.raises(BrokenEvidence):
        Checkpoint("o", 0, ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "o\n7\n",
        EXAMPLE + "\n",
        EXAMPLE + "a\n\nb\n",
        "\n" + EXAMPLE,
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "+20852163"),
        EXAMPLE.replace("20852163", "-1"),
        EXAMPLE.replace("20852163", "2e3"),
        EXAMPLE.replace("20852163", "20_852"),
        EXAMPLE.replace("20852163", ""),
        EXAMPLE.replace("20852163", " 20852163"),
        EXAMPLE.replace("20852163", "20852163\N{ARABIC-INDIC DIGIT ONE}"),
        EXAMPLE.replace("20852163", str(1 << 63)),
        EXAMPLE.replace("20852163", "9" * 5000),
        EXAMPLE.replace("2I=", "2J="),
        EXAMPLE.replace("2I=", "2I"),
        EXAMPLE.replace("2I=", "=="),
        EXAMPLE.replace("CsUY", ""),
        EXAMPLE.replace("CsUY", "CsUYCsUY"),
        EXAMPLE.replace("behind", "be\thind"),
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """Another form than the specification's is refused, believed note or not."""
    with pytest.raises(BrokenEvidence):
        read(text)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, ROOT, ()),
        ("a\nb", 1, ROOT, ()),
        ("o", -1, ROOT, ()),
        ("o", 1 << 63, ROOT, ()),
        ("o", 1, ROOT[:31], ()),
        ("o", 1, ROOT, ("",)),
        ("o", 1, ROOT, ("a\nb",)),
        ("o", 1, ROOT, ("a\x00",)),
    ],
)
def test_what_cannot_be_written(origin: str, size: int, root: bytes, extensions: tuple[str, ...]) -> None:
    """A value that would not be read back as it was is refused when it is made."""
    with pytest.raises(BrokenEvidence):
        Checkpoint(origin, size, root, extensions)


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@given(LINES, st.integers(1, (1 << 63) - 1), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=3))
def test_it_comes_back(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    """Every checkpoint is read back as it was written."""
    given_ = Checkpoint(origin, size, root, tuple(extensions))

    assert read(given_.text()) == given_


@given(st.text(max_size=80))
def test_junk_is_no_checkpoint(junk: str) -> None:
    """Whatever the text, the answer is BrokenEvidence and nothing else."""
    with pytest.raises(BrokenEvidence):
        read(junk)
