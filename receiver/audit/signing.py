"""Whose name stands under a checkpoint: Ed25519 keys that follow from our secrets, each vouched for by the one before.

A key is HKDF-SHA256 (RFC 5869) of one secret of PROOFHOOK_SECRET. A new secret at its end is a new key; as long as the
secret before it is there, too, the old key signs the new one's name, and whoever trusts the old may trust the new.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from receiver.audit import note
from receiver.audit.notekey import NoteKey, Signer, read_vkey
from receiver.errors import BrokenEvidence
from receiver.ledger.trail import SignerKey

_INFO = b"proofhook checkpoint key 1"
_TITLE = "proofhook signer"


def signer(secret: bytes, name: str) -> Signer:
    """The key that follows from a secret, under the trail's name."""
    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(secret)
    return Signer(name, Ed25519PrivateKey.from_private_bytes(seed))


def vouch(old: Signer, new: NoteKey, at: datetime) -> bytes:
    """The old key's word for the new one: a signed note."""
    return note.sign(f"{_TITLE}\n{new.vkey()}\n{at.isoformat()}\n", [old])


def chain(keys: Sequence[SignerKey]) -> list[NoteKey]:
    """The keys in their order, when each but the first is vouched for by one before it. Raises BrokenEvidence."""
    trusted: list[NoteKey] = []
    for key in keys:
        new = read_vkey(key.vkey)
        if trusted:
            if key.vouched is None:
                raise BrokenEvidence(f"no key before it vouches for {key.vkey}")
            lines = note.verify(key.vouched, trusted).text.split("\n")
            if lines[:2] != [_TITLE, key.vkey]:
                raise BrokenEvidence(f"the note with {key.vkey} vouches for another key")
        trusted.append(new)
    return trusted


def introduce(secrets: Sequence[bytes], known: Sequence[SignerKey], name: str, now: datetime) -> SignerKey | None:
    """The entry for the newest secret's key, None when it is the one in use. Raises BrokenEvidence.

    A key that no secret here vouches for is refused: who lost every secret starts a new trail.
    """
    new = signer(secrets[-1], name).key
    if known and known[-1].vkey == new.vkey():
        return None
    if not known:
        return SignerKey(new.vkey(), None)
    for secret in reversed(secrets[:-1]):
        old = signer(secret, name)
        if old.key.vkey() == known[-1].vkey:
            return SignerKey(new.vkey(), vouch(old, new, now))
    raise BrokenEvidence(
        "the trail's last key follows from no part of PROOFHOOK_SECRET; put the secret of before back in front"
    )
