"""One short function per way of signing: the only place that makes a `Verified`.

Each takes a delivery, what we trust and the time, and raises BadSignature or one of its kin, whatever the delivery
holds. Signatures and pins are compared as bytes, in constant time; the signature is checked before the timestamp.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from receiver.errors import BadSignature, StaleTimestamp, UnknownKey
from receiver.wire.types import Delivery, Key, KeyKind, Kind, Trust, Verified

_ED25519_BYTES = 32
_HEX_SIGNATURE = re.compile(rb"[0-9a-fA-F]{128}")
_SECONDS = re.compile(rb"[0-9]{1,11}")  # eleven digits end in the year 5138: no sum below can overflow
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fal_ed25519(delivery: Delivery, trust: Trust, now: datetime) -> Verified:
    """Ed25519 over request id, user id, timestamp and the body's SHA-256, each on a line.

    Every key is tried: fal names none. Source: https://docs.fal.ai/model-apis/model-endpoints/webhooks
    """
    head = delivery.headers
    signature = head.one(b"x-fal-webhook-signature")
    user_id = head.one(b"x-fal-webhook-user-id")
    stamp = head.one(b"x-fal-webhook-timestamp")
    digest = hashlib.sha256(delivery.body).hexdigest().encode()
    message = b"\n".join((head.one(b"x-fal-webhook-request-id"), user_id, stamp, digest))
    if not _HEX_SIGNATURE.fullmatch(signature):
        raise BadSignature("the signature is not 128 hex digits")
    key = _signer(bytes.fromhex(signature.decode()), message, trust)
    signed_at = _fresh(stamp, trust.tolerance, now)
    pinned = trust.options.get("FAL_USER_ID", "").encode("utf-8", "surrogateescape")
    if pinned and not hmac.compare_digest(user_id, pinned):
        raise BadSignature("signed for another fal user than FAL_USER_ID")
    return Verified(delivery, "fal-ed25519", key, signed_at, covers_body=True)


def hmac_sha256(
    delivery: Delivery,
    trust: Trust,
    now: datetime,  # noqa: ARG001  every scheme is called alike; this one signs no time, so repeats die on the event id
    *,
    header: bytes,
    prefix: bytes,
    encoding: Literal["hex", "base64"] = "hex",
) -> Verified:
    """HMAC-SHA256 (RFC 2104) over the raw body, in one header: BFL's `X-BFL-Signature: sha256=<hex>`.

    Source: github.com/black-forest-labs/skills, skills/bfl-api/references/webhook-integration.md
    """
    given = delivery.headers.one(header.lower())
    keys = [key for key in trust.keys if key.kind is KeyKind.HMAC and key.material]
    if not keys:
        raise UnknownKey("no secret to verify this signature with")
    if not given.startswith(prefix):
        raise BadSignature("the signature has not the form that this provider uses")
    for key in keys:
        digest = hmac.digest(key.material, delivery.body, "sha256")
        text = digest.hex().encode() if encoding == "hex" else base64.b64encode(digest)
        if hmac.compare_digest(given.removeprefix(prefix), text):
            return Verified(delivery, "hmac-sha256", key, None, covers_body=True)
    raise BadSignature("the signature does not match the body")


def capability(delivery: Delivery) -> Verified:
    """Nothing is signed: that the sender knew the token in the URL is all there is. A hint, not a proof of the body."""
    if delivery.job_id is None:
        raise BadSignature("this provider signs nothing, and the URL names no job")
    return Verified(delivery, "capability", None, None, covers_body=False)


def asked(delivery: Delivery) -> Verified:
    """The answer to our own question: TLS vouches for who said it, and for every byte."""
    if delivery.kind is not Kind.ANSWER:
        raise BadSignature("only the answer to a question of ours needs no signature")
    return Verified(delivery, "asked", None, None, covers_body=True)


def _signer(signature: bytes, message: bytes, trust: Trust) -> Key:
    for key in trust.keys:
        public = _public_key(key.material) if key.kind is KeyKind.ED25519 else None
        if public is None:
            continue
        try:
            public.verify(signature, message)
        except InvalidSignature:
            continue
        return key
    raise UnknownKey("no key that we hold made this signature")


@lru_cache(maxsize=256)
def _public_key(material: bytes) -> Ed25519PublicKey | None:
    return Ed25519PublicKey.from_public_bytes(material) if len(material) == _ED25519_BYTES else None


def _fresh(stamp: bytes, tolerance: timedelta, now: datetime) -> datetime:
    if not _SECONDS.fullmatch(stamp):
        raise StaleTimestamp("the timestamp is not a number of seconds")
    signed_at = _EPOCH + timedelta(seconds=int(stamp))
    if abs(signed_at - now) > tolerance:
        raise StaleTimestamp("signed too long ago, or too far in the future")
    return signed_at
