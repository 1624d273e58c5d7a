import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receiver.ledger.verdict_reading import KeySeen
from receiver.pages.why import why
from receiver.wire import schemes
from receiver.wire.types import Delivery, Headers, Key, KeyKind, Kind, Trust
from tests.receiver.pages.seeding import T0
from tests.receiver.pages.test_mends import HOOK

LIMIT = timedelta(seconds=300)
KEY = KeySeen("ed25519:1", "ed25519", "f" * 64, "https://rest.fal.ai/jwks", "ab" * 32, T0 - timedelta(hours=2))
FAL = replace(HOOK, scheme="fal-ed25519", key_id="ed25519:1", signed_at=T0 - timedelta(milliseconds=200))


def test_a_verified_one_names_key_bytes_and_clock() -> None:
    """Which key, from where and since when; what was signed; how far apart the clocks were."""
    said = dict(why(FAL, KEY, LIMIT).said)
    assert said["key"] == f"ed25519:1 from https://rest.fal.ai/jwks, fetched 2 h before; ed25519 {'ab' * 32}"
    assert said["clock"] == "Signed 200 ms before it came: within the 300 s that are allowed."
    assert said["signed"].startswith("Ed25519 over four lines")


def test_the_signed_bytes_are_those_that_the_scheme_verifies() -> None:
    """What the page shows as signed is, byte for byte, what the scheme takes."""
    signer, body = Ed25519PrivateKey.generate(), b'{"status":"OK"}'
    lines = {"request-id": "r", "user-id": "u", "timestamp": str(int(T0.timestamp()))}
    headers = tuple((f"x-fal-webhook-{name}", value) for name, value in lines.items())
    digest = hashlib.sha256(body).hexdigest()
    message = why(replace(FAL, headers=headers, body_sha256=digest), KEY, LIMIT).message
    signed = (*headers, ("x-fal-webhook-signature", signer.sign(message.encode()).hex()))
    raw = Headers(tuple((name.encode(), value.encode()) for name, value in signed))
    key = Key("k", KeyKind.ED25519, signer.public_key().public_bytes_raw())
    delivery = Delivery("fal", Kind.HOOK, "job", raw, body, T0)
    assert schemes.fal_ed25519(delivery, Trust(keys=(key,)), T0).key == key
    assert not why(replace(FAL, headers=(*headers, headers[0])), KEY, LIMIT).message


@pytest.mark.parametrize(("given", "said"), [
    ({"verdict": "unknown_key", "scheme": None}, "None that we hold made this signature."),
    ({"verdict": "stale_timestamp", "scheme": None}, "One that we hold made this signature"),
    ({"verdict": "verified", "scheme": "hmac-sha256", "key_id": "derived:1"}, "handed out with this job alone"),
])  # fmt: skip
def test_a_key_that_nobody_may_see_is_named_all_the_same(given: dict[str, Any], said: str) -> None:
    """A shared secret is no more than its name; none is none."""
    assert said in dict(why(replace(HOOK, **given), None, LIMIT).said)["key"]


def test_what_is_not_signed_says_so() -> None:
    """A token in the URL is all there is; an answer is vouched for by TLS; neither has a key or a clock."""
    for kind, provider, words in (("hook", "runware", "the token in the URL"), ("answer", "fal", "TLS vouches")):
        said = dict(why(replace(HOOK, kind=kind, provider=provider, verdict="malformed"), None, LIMIT).said)
        assert words in said["signed"]
        assert {"key", "clock"}.isdisjoint(said)
