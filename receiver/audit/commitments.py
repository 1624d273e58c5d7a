"""Fields that may be removed later: an entry holds a salted hash in their place, so that its leaf stays. Pure.

The salt hides what a short or guessable value was once it is gone. Salts are derived from one secret of ours and so
are not stored; a bundle shows those of its own fields, and no others follow from them. Apart from `canonical`, so that
a bundle's commitments are checked with nothing but the standard library.
"""

import hashlib
import hmac

from receiver.errors import BrokenEvidence

SALT_BYTES = 32
SHORTEST_KEY = 32
_COMMITMENT = b"proofhook commitment 1\n"
_SALT = b"proofhook salt 1\n"


def salt(key: bytes, entry_id: str, field: str) -> bytes:
    """The 32 bytes that salt one field of one entry: HMAC-SHA256 (RFC 2104) of both names under our secret.

    `key` has at least 32 bytes; a shorter or missing one raises BrokenEvidence rather than derive what can be guessed.
    """
    if len(key) < SHORTEST_KEY:
        raise BrokenEvidence("the secret that salts are derived from is missing or too short")
    return hmac.digest(key, _SALT + _framed(_utf8(entry_id), _utf8(field)), "sha256")


def commit(salt: bytes, name: str, value: bytes) -> str:
    """The 64 hex digits that stand for a field: SHA-256 over label, salt, name and value, each with its length.

    The value's bytes are the caller's encoding: text as UTF-8, structures as `canonical.encode` has them. Whoever has
    salt, name and value can recompute it; whoever has it alone learns nothing. Raises BrokenEvidence for another salt
    than of 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise BrokenEvidence("a salt has 32 bytes")
    return hashlib.sha256(_COMMITMENT + _framed(salt, _utf8(name), value)).hexdigest()


def verify(commitment: str, salt: bytes, name: str, value: bytes) -> None:
    """That a commitment is to this value. Raises BrokenEvidence if not."""
    if commitment != commit(salt, name, value):
        raise BrokenEvidence("the value is not the one committed to")


def _framed(*parts: bytes) -> bytes:
    """Each part behind its length, in 8 bytes, big-endian: no two lists of parts give the same bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BrokenEvidence("a name cannot be written as UTF-8") from None
