"""Fields that may be removed later: an entry holds a salted hash in their place, so that its leaf stays. Pure.

The salt hides what a short or guessable value was once it is gone. Salts are derived from one secret of ours and so
are not stored; a bundle shows those of its own fields, and no others follow from them. Apart from `canonical`, so that
a bundle's commitments are checked with nothing but the standard library.
"""

import hmac
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from receiver.errors import BrokenEvidence

SALT_BYTES = 32
SHORTEST_KEY = 32
_COMMITMENT = b"proofhook commitment 1\n"
_SALT = b"proofhook salt 1\n"
_TO_SALT = _COMMITMENT + SALT_BYTES.to_bytes(8, "big")
"""What stands before the salt in all that is committed to."""
_BLOCK = 64
_INNER, _OUTER = (bytes(each ^ pad for each in range(256)) for pad in (0x36, 0x5C))
"""SHA-256's block in bytes, and what HMAC makes of each byte of its key."""


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
    return sha256(_COMMITMENT + _framed(salt, _utf8(name), value)).hexdigest()


def commit_all(key: bytes, entry_id: str, fields: Iterable[tuple[str, bytes]]) -> list[str]:
    """`commit` with the `salt` of each field, name and value, of one entry; raises as they do.

    The sealer makes thousands of entries a second. HMAC is written out for all fields at once, for a key that is no
    longer than a block (RFC 2104 §2): `hmac.digest` looks up its hash anew each time, for twice the time of hashing.
    """
    if not SHORTEST_KEY <= len(key) <= _BLOCK:
        return [commit(salt(key, entry_id, name), name, value) for name, value in fields]
    whole, ref, found = key.ljust(_BLOCK, b"\0"), _utf8(entry_id), []
    outer, inner = whole.translate(_OUTER), whole.translate(_INNER) + _SALT + len(ref).to_bytes(8, "big") + ref
    for name, value in fields:
        framed = _name(name)
        own = sha256(outer + sha256(inner + framed).digest()).digest()
        found.append(sha256(_TO_SALT + own + framed + len(value).to_bytes(8, "big") + value).hexdigest())
    return found


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


@lru_cache(maxsize=256)
def _name(text: str) -> bytes:
    """The names of fields are few, and come again with every entry."""
    return _framed(_utf8(text))
