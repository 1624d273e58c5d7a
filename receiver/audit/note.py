"""Signed notes: text, and under it a line for each key that signed it. Ed25519 alone. Pure.

Source: https://c2sp.org/signed-note. Stricter than it in one thing: base64 must be the one canonical spelling, so that
no byte of a signature that we verify can change unseen (RFC 4648 §3.5 lets spare bits pass).
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from receiver.audit.notekey import CONTROL, ID_BYTES, NoteKey, Signer, decode, good_name
from receiver.errors import BrokenEvidence

MAX_BYTES = 256 * 1024
"""Of a whole note: 16 post-quantum signatures of others, which the specification bids us to let pass, fit twice."""
MAX_SIGNATURES = 32
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note: who says to have signed, with which key (4 bytes), and the signature. Not yet believed."""

    name: str
    id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note in its parts; nothing in it is believed yet."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Believed:
    """A note's text, its final newline included, and the keys of ours that signed it. Only `verify` makes one."""

    text: str
    keys: tuple[NoteKey, ...]


def sign(text: str, signers: Sequence[Signer]) -> bytes:
    """The note: the text, which must end in a newline, signed by each in turn.

    Raises BrokenEvidence where the result would be no note.
    """
    lines = []
    for signer in signers:
        value = signer.key.id + signer.private.sign(_utf8(text))
        lines.append(f"{_DASH}{signer.name} {base64.b64encode(value).decode()}\n")
    note = _utf8(f"{text}\n{''.join(lines)}")
    if parse(note).text != text:
        raise BrokenEvidence("the text of a note ends in a newline")
    return note


def parse(data: bytes) -> Note:
    """The parts of a note, none of them believed. Raises BrokenEvidence for whatever is not one, or too large."""
    if len(data) > MAX_BYTES:
        raise BrokenEvidence("the note is too large")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise BrokenEvidence("the note is not UTF-8") from None
    if CONTROL.search(whole):
        raise BrokenEvidence("the note holds a control character")
    text, gap, below = whole.rpartition("\n\n")
    if not gap or not below.endswith("\n"):
        raise BrokenEvidence("the note has no signatures")
    lines = below[:-1].split("\n")  # not splitlines: that also breaks where Unicode would
    if len(lines) > MAX_SIGNATURES:
        raise BrokenEvidence("the note has too many signatures")
    return Note(text + "\n", tuple(map(_signature, lines)))


def verify(data: bytes, keys: Iterable[NoteKey]) -> Believed:
    """The text of a note that at least one of `keys` signed; signatures of other keys are ignored.

    Raises BrokenEvidence where it is no note, none of the keys signed it, or one of them has a signature that is wrong.
    """
    note = parse(data)
    known: dict[tuple[str, bytes], NoteKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.id), key) != key:
            raise BrokenEvidence(f"two of our keys have the name and id of {key.name}+{key.id.hex()}")
    by: dict[NoteKey, None] = {}
    for each in note.signatures:
        signed_with = known.get((each.name, each.id))
        if signed_with is not None:
            _verify_one(signed_with, each.value, note.text)
            by[signed_with] = None
    if not by:
        raise BrokenEvidence("no key that we know signed the note")
    return Believed(note.text, tuple(by))


def _verify_one(key: NoteKey, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except InvalidSignature:
        raise BrokenEvidence(f"the signature of {key.name}+{key.id.hex()} does not match the note") from None


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not (line.startswith(_DASH) and space and good_name(name)):
        raise BrokenEvidence("a line under the note is not a signature")
    value = decode(encoded)
    if len(value) <= ID_BYTES:
        raise BrokenEvidence("a signature of the note is too short")
    return Signature(name, value[:ID_BYTES], value[ID_BYTES:])


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BrokenEvidence("the text cannot be written as UTF-8") from None
