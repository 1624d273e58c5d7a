import base64
import json
from datetime import UTC, datetime

import pytest

from receiver.errors import Malformed
from receiver.wire.junk import JUNK
from receiver.wire.jwks import ed25519_keys

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
ONE, TWO = b"\1" * 32, b"\2" * 32


def jwk(x: bytes, **changed: object) -> dict[str, object]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(x).rstrip(b"=").decode(), **changed}


def jwks(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_junk_among_keys() -> None:
    """Entries that are no Ed25519 key for signatures are skipped, repeats dropped, padding borne."""
    junk: list[object] = [
        None,
        1,
        "x",
        [],
        {},
        {**jwk(ONE), "x": None},
        {**jwk(ONE), "x": "é" * 43},
        {**jwk(ONE), "x": ""},
        jwk(b"\1" * 31),
    ]
    junk += [jwk(b"\1" * 33), jwk(ONE, crv="X25519"), jwk(ONE, crv=[]), jwk(ONE, use="enc"), jwk(ONE, use={})]
    padded = {**jwk(ONE), "x": base64.urlsafe_b64encode(ONE).decode(), "kid": "\n"}
    found = ed25519_keys(jwks(*junk, padded, jwk(ONE), jwk(TWO, kid={})), "here", NOW)

    assert {key.source for key in found} == {"here"}
    assert [(key.id, key.material) for key in found] == [("ed25519:72cd6e84", ONE), ("ed25519:75877bb4", TWO)]


def test_no_endless_set() -> None:
    """A set of any length costs at most 64 verifications a delivery."""
    assert len(ed25519_keys(jwks(*(jwk(bytes([n]) * 32) for n in range(100))), "here", NOW)) == 64


def test_rfc_8037() -> None:
    """The key of RFC 8037, appendix A.2, is read as its `x` says."""
    body = b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'

    (key,) = ed25519_keys(body, "here", NOW)

    assert key.material.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.mark.parametrize("body", [*JUNK, b'{"keys": {}}', b'{"keys": [{"kty": "RSA"}]}'])
def test_no_key_set(body: bytes) -> None:
    """What is no key set, or holds no key for us, is Malformed."""
    with pytest.raises(Malformed):
        ed25519_keys(body, "here", NOW)
