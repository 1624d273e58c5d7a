"""Whose name stands under a checkpoint: Ed25519 keys that follow from our secrets, each vouched for by the one before.

A key is HKDF-SHA256 (RFC 5869) of one secret of PROOFHOOK_SECRET. A new secret at its end is a new key; as long as the
secret before it is there, too, both keys sign that the new one follows on the old: whoever trusts the old may trust the
new, and whoever holds the secret of the new knows which keys were ours before.
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


def vouch(old: Signer, new: Signer, at: datetime) -> bytes:
    """Both keys' word that the new one follows on the old: a signed note."""
    lines = (_TITLE, new.key.vkey(), f"follows {old.key.vkey()}", f"time {at.isoformat()}")
    return note.sign("".join(f"{line}\n" for line in lines), [old, new])


def chain(keys: Sequence[SignerKey]) -> list[NoteKey]:
    """The keys in their order, when each but the first follows on the one before it. Raises BrokenEvidence."""
    trusted: list[NoteKey] = []
    for key in keys:
        trusted.append(follow(trusted, key, first=not trusted))
    return trusted


def follow(trusted: Sequence[NoteKey], key: SignerKey, *, first: bool) -> NoteKey:
    """The next key of the chain, when the last one and it have signed that it is. Raises BrokenEvidence."""
    new = read_vkey(key.vkey)
    if not trusted and not first:
        raise BrokenEvidence(f"{key.vkey} is not the first key, and none before it is good")
    if not trusted:
        if key.vouched is not None:
            raise BrokenEvidence(f"{key.vkey} is the first key, yet says that it follows on another")
        return new
    if key.vouched is None:
        raise BrokenEvidence(f"no key before it vouches for {key.vkey}")
    both = note.verify(key.vouched, [trusted[-1], new])
    if set(both.keys) != {trusted[-1], new} or new in trusted:
        raise BrokenEvidence(f"{key.vkey} and the key before it have not both signed that it follows")
    if both.text.split("\n")[:3] != [_TITLE, key.vkey, f"follows {trusted[-1].vkey()}"]:
        raise BrokenEvidence(f"the note with {key.vkey} is about other keys")
    return new


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
            return SignerKey(new.vkey(), vouch(old, signer(secrets[-1], name), now))
    raise BrokenEvidence(
        "the trail's last key follows from no part of PROOFHOOK_SECRET; put the secret of before back in front"
    )
