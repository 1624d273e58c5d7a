"""The sandbox's own signatures: fal's Ed25519 with a published key set, and the HMAC of Black Forest Labs."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class FalKeys:
    """fal's signing keys. They come from the sandbox's seed, so that a restart does not orphan a cached key set.

    Two are published and the second signs, so that a receiver which tries only the first is found out.
    """

    def __init__(self, seed: int) -> None:
        self._retired, self._current, self._stranger = (
            _key(f"{name}:{seed}") for name in ("retired", "current", "stranger")
        )

    def jwks(self) -> dict[str, Any]:
        """RFC 8037 keys. Whether fal's carry a `kid` no page says: one has it, one has not."""
        return {"keys": [{**_jwk(self._retired), "kid": "sandbox-retired"}, _jwk(self._current)]}

    def headers(
        self, body: bytes, *, request_id: str, user_id: str, timestamp: int, forged: bool = False
    ) -> dict[str, str]:
        """The four headers of fal's webhook page; the message is four lines, the last the body's SHA-256 in hex."""
        message = "\n".join((request_id, user_id, str(timestamp), hashlib.sha256(body).hexdigest()))
        key = self._stranger if forged else self._current
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": user_id,
            "X-Fal-Webhook-Timestamp": str(timestamp),
            "X-Fal-Webhook-Signature": key.sign(message.encode()).hex(),
        }


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"proofhook sandbox {name}".encode()).digest())


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}


def bfl_headers(body: bytes, secret: str) -> Mapping[str, str]:
    """`X-BFL-Signature`, as the webhook page of Black Forest Labs' skills repository has it."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-BFL-Signature": f"sha256={digest}"}
