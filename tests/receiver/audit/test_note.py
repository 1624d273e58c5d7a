import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import note
from receiver.audit.note import Signature
from receiver.audit.notekey import NoteKey, Signer, read_vkey
from receiver.errors import BrokenEvidence

# golang.org/x/mod/sumdb/note: its examples and tests.
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
PETER_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH_VKEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
# c2sp.org/signed-note: its example.
FOO_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""

PETER, ENOCH = read_vkey(PETER_VKEY), read_vkey(ENOCH_VKEY)


def signer(name: str, seed: int = 1) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def note_of(*lines: str) -> bytes:
    return f"{TEXT}\n{''.join(lines)}".encode()


def names_that_signed(data: bytes, vkeys: list[str]) -> list[str]:
    """The specification once more, with bytes and raw calls alone: an error in receiver.audit cannot agree with it."""
    cut = data.rindex(b"\n\n")
    signed, good = data[: cut + 1], []
    for vkey in vkeys:
        name, key_id, material = vkey.encode().split(b"+", 2)
        public = base64.b64decode(material)
        assert key_id == hashlib.sha256(name + b"\x0a" + public).digest()[:4].hex().encode()
        for line in data[cut + 2 :].splitlines():
            dash, by, encoded = line.split(b" ")
            value = base64.b64decode(encoded)
            assert dash == b"\xe2\x80\x94"
            if (by, value[:4].hex().encode()) == (name, key_id):
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(value[4:], signed)
                good.append(name.decode())
    return good


def test_the_published_notes() -> None:
    """Go's note and the specification's own are believed, by us and by the verifier of this file."""
    for data, vkey, text in (
        (note_of(PETER_LINE), PETER_VKEY, TEXT),
        (FOO_NOTE.encode(), FOO_VKEY, "This is an example message.\n"),
    ):
        believed = note.verify(data, [read_vkey(vkey)])
        assert believed == note.Believed(text, (read_vkey(vkey),))
        assert names_that_signed(data, [vkey]) == [vkey.split("+")[0]]


def test_signing_gives_the_published_note() -> None:
    """From Go's private key and text comes Go's note, byte for byte, and its published verifier key."""
    peter = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SEED))

    assert note.sign(TEXT, [peter]) == note_of(PETER_LINE)
    assert peter.key.vkey() == PETER_VKEY
    assert peter.key.id.hex() == "c74f20a3"


def test_several_signatures() -> None:
    """Every known key that signed is named, in the note's order, once; what others signed is ignored, even nonsense."""
    other = PETER_LINE.replace("PeterNeumann", "SomebodyElse")

    assert note.verify(note_of(PETER_LINE, ENOCH_LINE), [ENOCH, PETER]).keys == (PETER, ENOCH)
    assert note.verify(note_of(other, PETER_LINE, ENOCH_LINE), [ENOCH]).keys == (ENOCH,)
    assert note.verify(note_of(PETER_LINE, PETER_LINE), [PETER]).keys == (PETER,)
    assert note.verify(note_of(PETER_LINE, "— Neighbour AAAAAAA=\n"), [PETER]).text == TEXT


@pytest.mark.parametrize("keys", [(), (ENOCH,), (NoteKey("PeterNeumann", ENOCH.public),)])
def test_a_note_that_no_known_key_signed(keys: tuple[NoteKey, ...]) -> None:
    """Without a signature of a known key, name and id both, nothing is believed."""
    with pytest.raises(BrokenEvidence, match="no key that we know"):
        note.verify(note_of(PETER_LINE), keys)


def test_a_wrong_signature_of_a_known_key() -> None:
    """One wrong signature of a known key spoils the note, also beside a right one, and a second one of its own."""
    wrong = PETER_LINE.replace("x08go/ZJ", "x08go/ZK")
    for lines in ((wrong,), (ENOCH_LINE, wrong), (PETER_LINE, wrong)):
        with pytest.raises(BrokenEvidence, match="does not match"):
            note.verify(note_of(*lines), [PETER, ENOCH])


def test_two_known_keys_of_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two different keys with one name and id are refused, as nobody could tell which signed; one twice is one."""
    assert note.verify(note_of(PETER_LINE), [PETER, read_vkey(PETER_VKEY)]).keys == (PETER,)
    monkeypatch.setattr(NoteKey, "id", PETER.id)
    with pytest.raises(BrokenEvidence, match="two of our keys"):
        note.verify(note_of(PETER_LINE), [PETER, NoteKey("PeterNeumann", ENOCH.public)])


def test_every_altered_byte_is_found() -> None:
    """Whichever bit of a note changes, spare bits of base64 included, it is not believed."""
    data = note.sign("example.com/log\n7\n", [signer("example.com/log")])
    keys = [signer("example.com/log").key]
    for at in range(len(data)):
        for bit in range(8):
            with pytest.raises(BrokenEvidence):
                note.verify(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :], keys)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        f"{TEXT}{PETER_LINE}".encode(),
        f"\n{PETER_LINE}".encode(),
        note_of(PETER_LINE)[:-1],
        note_of(PETER_LINE, "\n"),
        note_of(PETER_LINE, "Unexpected line.\n"),
        note_of(PETER_LINE.replace("— ", "—")),
        note_of(PETER_LINE.replace("— ", "- ")),
        note_of(PETER_LINE.replace("— ", "—  ")),
        note_of(PETER_LINE.replace("PeterNeumann", "Peter Neumann")),
        note_of(PETER_LINE.replace("PeterNeumann", "Peter+Neumann")),
        note_of(PETER_LINE.replace("PeterNeumann", "Peter\N{NO-BREAK SPACE}Neumann")),
        note_of(PETER_LINE.replace("PeterNeumann ", "")),
        note_of(PETER_LINE.replace("=", "")),
        note_of(PETER_LINE.replace("nAM=", "nAN=")),
        note_of(PETER_LINE.replace("x08g", "x0_g")),
        note_of(PETER_LINE[:60] + " " + PETER_LINE[60:]),
        note_of(PETER_LINE.replace("\n", "\r\n")),
        note_of(PETER_LINE, "— Short AAAAAA==\n"),
        b"\x01" + note_of(PETER_LINE),
        b"\xff" + note_of(PETER_LINE),
        note_of(PETER_LINE, *["— n AAAAAAA=\n"] * 32),
        b"x" * note.MAX_BYTES + note_of(PETER_LINE),
    ],
)
def test_what_is_no_note(data: bytes) -> None:
    """Another form than the specification's, or too much of it, is refused before any signature is looked at."""
    with pytest.raises(BrokenEvidence):
        note.parse(data)
    with pytest.raises(BrokenEvidence):
        note.verify(data, [PETER])


def test_sixteen_large_signatures_pass() -> None:
    """The specification's least: sixteen signatures of others, each as large as post-quantum ones, and ours."""
    large = base64.b64encode(bytes(5000)).decode()

    assert note.verify(note_of(*[f"— n{n} {large}\n" for n in range(15)], PETER_LINE), [PETER]).keys == (PETER,)


def test_blank_lines_belong_to_the_text() -> None:
    """The text ends at the last empty line; Unicode's other line ends are characters like any other."""
    text = "one\n\ntwo\u2028three\u0085\n\n\n"
    data = note.sign(text, [signer("a"), signer("b", 2)])

    assert note.verify(data, [signer("b", 2).key]).text == text
    assert [each.name for each in note.parse(data).signatures] == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["", "no newline", "one\n\ntwo", "tab\there\n", "\ud800\n", f"{TEXT}\n{PETER_LINE.strip()}"]
)
def test_what_cannot_be_signed(text: str) -> None:
    """We sign nothing that would not be read back as it was."""
    with pytest.raises(BrokenEvidence):
        note.sign(text, [signer("a")])


def test_nobody_signs_nothing() -> None:
    """A note without signers is none."""
    with pytest.raises(BrokenEvidence):
        note.sign(TEXT, [])


def test_a_signature_of_another_length() -> None:
    """A known key's signature that is not 64 bytes is wrong, and no ValueError."""
    short = base64.b64encode(PETER.id + b"short").decode()
    with pytest.raises(BrokenEvidence, match="does not match"):
        note.verify(note_of(f"— PeterNeumann {short}\n"), [PETER])
    assert note.parse(note_of(f"— PeterNeumann {short}\n")).signatures == (
        Signature("PeterNeumann", PETER.id, b"short"),
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80), st.integers(1, 4))
def test_what_is_signed_is_believed(line: str, number: int) -> None:
    """Any text in any hands comes back as it was, and verifies by the specification read a second time."""
    signers = [signer(f"example.com/{n}", n) for n in range(1, number + 1)]
    text = f"{line}\n"
    data = note.sign(text, signers)

    assert note.verify(data, [each.key for each in signers]) == note.Believed(text, tuple(each.key for each in signers))
    assert names_that_signed(data, [each.key.vkey() for each in signers]) == [each.name for each in signers]
    with pytest.raises((InvalidSignature, AssertionError, ValueError)):
        names_that_signed(b"x" + data, [signers[0].key.vkey()])


@given(st.binary(max_size=200))
def test_junk_is_no_note(junk: bytes) -> None:
    """Whatever the bytes, the answer is BrokenEvidence and nothing else."""
    for data in (junk, TEXT.encode() + b"\n" + junk, "— ".encode() + junk):
        with pytest.raises(BrokenEvidence):
            note.verify(data, [PETER])
