"""The keys of signed notes, Ed25519 alone: their names, their ids, and the line that publishes one. Pure.

Source: https://c2sp.org/signed-note
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receiver.errors import BrokenEvidence

ID_BYTES = 4
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
"""What a note must not hold: every ASCII control character but the newline."""
_PUBLIC_BYTES = 32
_ED25519 = b"\x01"
_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key to verify with: its name, as `example.com/log`, and its 32 public bytes (RFC 8032).

    Raises BrokenEvidence for a name that is empty or holds a space, a plus or a control character.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not good_name(self.name):
            raise BrokenEvidence("a key's name is not empty and has neither spaces nor a plus")
        if len(self.public) != _PUBLIC_BYTES:
            raise BrokenEvidence("a public Ed25519 key has 32 bytes")

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart: SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public)[:4]."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:ID_BYTES]

    def vkey(self) -> str:
        """The key in one line, to publish: `name+id+base64(0x01 ‖ public)`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key to sign with; it is never shown."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def key(self) -> NoteKey:
        """What others verify with."""
        return NoteKey(self.name, self.private.public_key().public_bytes_raw())


def read_vkey(text: str) -> NoteKey:
    """The key that a verifier key string names. Raises BrokenEvidence unless it is one of Ed25519, and consistent."""
    name, _, rest = text.partition("+")
    id_, _, encoded = rest.partition("+")
    material = decode(encoded)
    if material[:1] != _ED25519:
        raise BrokenEvidence("the verifier key is not one of Ed25519")
    key = NoteKey(name, material[1:])
    if not _ID.fullmatch(id_) or bytes.fromhex(id_) != key.id:
        raise BrokenEvidence("the verifier key's id is not that of its name and key")
    return key


def good_name(name: str) -> bool:
    """Whether a note can carry this name of a key: neither empty, nor with a space, a plus or what is no character."""
    if not name or "+" in name or CONTROL.search(name) or any(map(str.isspace, name)):
        return False
    return not any("\ud800" <= each <= "\udfff" for each in name)


def decode(text: str) -> bytes:
    """Base64 in its one canonical spelling (RFC 4648 §4). Raises BrokenEvidence for any other."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BrokenEvidence("this is not base64") from None
    if base64.b64encode(value).decode() != text:
        raise BrokenEvidence("base64 in another spelling than the canonical one")
    return value
