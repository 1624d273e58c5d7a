"""Signatures, signed notes and the way from a leaf to the root."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from receiver.audit.stranger.findings import Bad, Report

VOUCHER = "proofhook signer"
HASH = 32
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_ED25519 = 33
"""Bytes of a key in a verifier key string: 0x01, and the public key."""


def chain(rows: Sequence[Mapping[str, Any]], pinned: str | None, report: Report) -> dict[tuple[str, bytes], bytes]:
    """The signing keys, from the trusted one on, each vouched for by one before it."""
    vkeys = [str(row["vkey"]) for row in rows]
    if pinned is not None and pinned not in vkeys:
        raise Bad(f"the key {pinned} did not sign here; these did: {', '.join(vkeys)}")
    first = vkeys.index(pinned) if pinned is not None else 0
    report.key, report.pinned = vkeys[first], pinned is not None
    keys: dict[tuple[str, bytes], bytes] = {}
    for vkey, row in list(zip(vkeys, rows, strict=True))[first:]:
        if keys and read_note(str(row["vouched"]).encode(), keys).split("\n")[:2] != [VOUCHER, vkey]:
            raise Bad(f"nobody vouches for the key {vkey}")
        name, id_, encoded = vkey.split("+", 2)
        material = canonical(encoded)
        made = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        if material[:1] != b"\1" or len(material) != _ED25519 or made.hex() != id_:
            raise Bad(f"{vkey} is no Ed25519 key")
        keys[name, made] = material[1:]
        report.checked["signing keys"] += 1
    return keys


def read_note(data: bytes, keys: Mapping[tuple[str, bytes], bytes], most: int = 32) -> str:
    """The text of a signed note with a good signature of one of the keys, and no wrong one. Raises Bad."""
    whole = data.decode()
    text, gap, below = whole.rpartition("\n\n")
    lines = below[:-1].split("\n")
    if not gap or below[-1:] != "\n" or len(lines) > most or _CONTROL.search(whole):
        raise Bad("it is no signed note")
    good = 0
    for line in lines:
        dash, name, encoded = line.split(" ")
        value = canonical(encoded)
        if dash != "\N{EM DASH}" or not name:
            raise Bad("a line under the note is no signature")
        if (public := keys.get((name, value[:4]))) is not None:
            verify(public, value[4:], f"{text}\n".encode())
            good += 1
    if not good:
        raise Bad("none of the trusted keys signed it")
    return text + "\n"


def included(entry: bytes, index: int, proof: Sequence[bytes], size: int, root: bytes) -> None:
    """RFC 9162 §2.1.3.2: the leaf stands at its index in the tree with this root. Raises Bad."""
    place, last, total = index, size - 1, hashlib.sha256(b"\x00" + entry).digest()
    good = 0 <= index < size and all(len(each) == HASH for each in proof)
    for sibling in proof:
        good = good and last > 0
        left = bool(place & 1) or place == last
        total = hashlib.sha256(b"\x01" + (sibling + total if left else total + sibling)).digest()
        while left and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if not good or last or total != root:
        raise Bad("the entry is not in the tree of the checkpoint, at least not unchanged")


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise Bad("its signature does not verify") from None


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(text: str) -> bytes:
    """In its one canonical spelling. Raises Bad."""
    value = base64.b64decode(text, validate=True)
    if base64.b64encode(value).decode() != text:
        raise Bad("base64 in another spelling than the canonical one")
    return value
