"""A provider's JSON Web Key Set as keys."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from receiver.errors import Malformed
from receiver.wire.reading import json_object
from receiver.wire.types import Key, KeyKind

MOST_KEYS = 64
_KID = re.compile(r"[\x21-\x7e]{1,100}")
_X = re.compile(r"[A-Za-z0-9_-]{43}=?")


def ed25519_keys(body: bytes, source: str, now: datetime) -> tuple[Key, ...]:
    """The Ed25519 keys of a JWKS (RFC 7517; `OKP` of RFC 8037 §2), without repeats, at most 64; others are skipped.

    Raises Malformed when it is no JWKS, or holds no such key.
    """
    rows = json_object(body).get("keys")
    if not isinstance(rows, list):
        raise Malformed("it is not a key set")
    found: dict[bytes, Key] = {}
    for row in rows:
        x = _x(row)
        if x is not None and len(found) < MOST_KEYS:
            found.setdefault(x, Key(_id(row, x), KeyKind.ED25519, x, source, now))
    if not found:
        raise Malformed("it holds no Ed25519 key")
    return tuple(found.values())


def _x(row: object) -> bytes | None:
    """The 32 bytes of a signing key; base64url, whose padding RFC 7515 §2 leaves out."""
    if not isinstance(row, dict) or (row.get("kty"), row.get("crv")) != ("OKP", "Ed25519"):
        return None
    x = row.get("x")
    if row.get("use") not in (None, "sig") or not isinstance(x, str) or not _X.fullmatch(x):
        return None
    return base64.urlsafe_b64decode(x.rstrip("=") + "=")


def _id(row: Mapping[str, object], x: bytes) -> str:
    kid = row.get("kid")
    if isinstance(kid, str) and _KID.fullmatch(kid):
        return kid
    return f"ed25519:{hashlib.sha256(x).hexdigest()[:8]}"
