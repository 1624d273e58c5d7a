import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import notekey
from receiver.audit.notekey import NoteKey, Signer, read_vkey
from receiver.errors import BrokenEvidence

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
PETER_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""golang.org/x/mod/sumdb/note, its examples."""


@pytest.mark.parametrize(
    "vkey",
    [
        PETER_VKEY,
        "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_published_verifier_keys(vkey: str) -> None:
    """Go's keys and the specification's own are read, with the id that they name, and written again as they were."""
    key = read_vkey(vkey)

    assert key.vkey() == vkey
    assert (key.name, key.id.hex()) == tuple(vkey.split("+")[:2])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\x00b", "a\u2003b", "\ud800"])
def test_names_of_keys(name: str) -> None:
    """A key's name is not empty and holds no space of Unicode's, no plus and no control character."""
    with pytest.raises(BrokenEvidence):
        NoteKey(name, bytes(32))
    with pytest.raises(BrokenEvidence):
        _ = Signer(name, PRIVATE).key


def test_verifier_keys_are_strict() -> None:
    """No part of a verifier key, and none with a byte changed, is a verifier key; nor one of another type or length."""
    for start in range(len(PETER_VKEY)):
        for end in range(start, len(PETER_VKEY) + 1):
            if end - start < len(PETER_VKEY):
                with pytest.raises(BrokenEvidence):
                    read_vkey(PETER_VKEY[start:end])
        with pytest.raises(BrokenEvidence):
            read_vkey(PETER_VKEY[:start] + chr(ord(PETER_VKEY[start]) + 1) + PETER_VKEY[start + 1 :])
    for wrong in (
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER_VKEY.replace("c74f20a3", "C74F20A3"),
        PETER_VKEY + "\n",
        PETER_VKEY.replace("c74f20a3", "c74f20a\N{FULLWIDTH DIGIT THREE}"),
    ):
        with pytest.raises(BrokenEvidence):
            read_vkey(wrong)


def test_a_signer_is_not_shown() -> None:
    """The private key is not in what a log or a traceback would print."""
    assert repr(Signer("a", PRIVATE)) == "Signer(name='a')"


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33)])
def test_public_keys_have_32_bytes(public: bytes) -> None:
    """A public key of another length is refused when it is made, not when it is used."""
    with pytest.raises(BrokenEvidence):
        NoteKey("a", public)


@given(st.binary(max_size=40))
def test_base64_has_one_spelling(value: bytes) -> None:
    """What base64 gives is read; with blanks, breaks, other letters, or without its padding, it is not."""
    text = base64.b64encode(value).decode()
    assert notekey.decode(text) == value

    for wrong in (f"{text}\n", f" {text}", f"{text}=", f"{text}A", f"{text}-", f"{text}\xe9"):
        with pytest.raises(BrokenEvidence):
            notekey.decode(wrong)
