import ast
import base64
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import BadSignature, UnknownKey
from receiver.wire import schemes
from receiver.wire.types import Delivery, Headers, Key, KeyKind, Kind, Trust

JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
NOW = datetime(2026, 9, 21, 12, 0, 30, tzinfo=UTC)


def delivery(headers: dict[bytes, bytes], body: bytes, **changed: Any) -> Delivery:
    return replace(Delivery("bfl", Kind.HOOK, JOB, Headers(tuple(headers.items())), body, NOW), **changed)


def trusting(*materials: bytes) -> Trust:
    return Trust(keys=tuple(Key(f"k{n}", KeyKind.HMAC, material) for n, material in enumerate(materials)))


def test_rfc_4231() -> None:
    """HMAC-SHA256 is that of RFC 4231 §4.3, in BFL's form; the key that did it is named, and no time."""
    digest = b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    given_ = delivery({b"x-bfl-signature": b"sha256=" + digest}, b"what do ya want for nothing?")

    verified = schemes.hmac_sha256(given_, trusting(b"old", b"Jefe"), NOW, header=b"X-BFL-Signature", prefix=b"sha256=")

    assert (verified.scheme, verified.covers_body, verified.signed_at) == ("hmac-sha256", True, None)
    assert verified.key is not None
    assert verified.key.id == "k1"


def test_base64() -> None:
    """The base64 form, on the vector of the Standard Webhooks libraries (its signed content as the body)."""
    body = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    given_ = delivery({b"webhook-signature": b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, body)

    verified = schemes.hmac_sha256(
        given_, trusting(key), NOW, header=b"webhook-signature", prefix=b"v1,", encoding="base64"
    )

    assert verified.scheme == "hmac-sha256"


@pytest.mark.parametrize(
    "value", [b"", b"sha256=", b"sha256=\xff", b"sha1=" + b"0" * 64, b"0" * 64, b"sha256=\xd9\xa0"]
)
def test_hmac_garbage(value: bytes) -> None:
    """A value of another form, or of no form, is a BadSignature and no TypeError."""
    with pytest.raises(BadSignature):
        schemes.hmac_sha256(delivery({b"s": value}, b""), trusting(b"k"), NOW, header=b"s", prefix=b"sha256=")


@pytest.mark.parametrize("keys", [(), (b"",)])
def test_a_missing_secret_closes_the_door(keys: tuple[bytes, ...]) -> None:
    """Without a secret, or with an empty one, nothing verifies: not even what is signed with nothing."""
    empty = b"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"  # HMAC-SHA256 of nothing by nothing

    with pytest.raises(UnknownKey):
        schemes.hmac_sha256(delivery({b"s": empty}, b""), trusting(*keys), NOW, header=b"s", prefix=b"")


def test_capability_is_a_hint() -> None:
    """A capability URL proves that the sender knew it, and nothing about the body."""
    verified = schemes.capability(delivery({}, b"x"))

    assert (verified.scheme, verified.key, verified.covers_body) == ("capability", None, False)


def test_capability_needs_a_token() -> None:
    """Where nothing is signed and the URL names no job, nothing is left to believe."""
    with pytest.raises(BadSignature):
        schemes.capability(delivery({}, b"x", job_id=None))


def test_asked_is_for_answers() -> None:
    """An answer to our own question is vouched for by TLS; a callback cannot pass as one."""
    answer = delivery({}, b"x", kind=Kind.ANSWER)

    assert (schemes.asked(answer).scheme, schemes.asked(answer).covers_body) == ("asked", True)
    for kind in (Kind.HOOK, Kind.UPLOAD):
        with pytest.raises(BadSignature):
            schemes.asked(replace(answer, kind=kind))


def test_only_schemes_make_a_verified() -> None:
    """Nothing else in the receiver makes a `Verified`, so that nothing is parsed which no scheme believed."""
    makers = set()
    for path in Path(schemes.__file__).parents[1].rglob("*.py"):
        calls = (node.func for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call))
        if any("Verified" in (getattr(func, "id", ""), getattr(func, "attr", "")) for func in calls):
            makers.add(path.name)

    assert makers == {"schemes.py"}


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_no_garbage_gets_in(value: bytes, body: bytes) -> None:
    """Whatever stands in the header and the body, the answer is BadSignature or its kin."""
    with pytest.raises(BadSignature):
        schemes.hmac_sha256(delivery({b"s": value}, body), trusting(b"k"), NOW, header=b"s", prefix=b"")
