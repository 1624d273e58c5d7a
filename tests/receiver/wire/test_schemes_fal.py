import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import BadSignature, MissingHeader, StaleTimestamp, UnknownKey
from receiver.wire import schemes
from receiver.wire.types import Delivery, Headers, Key, KeyKind, Kind, Trust
from tests.receiver.wire import sampling

JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
NOW = datetime(2026, 9, 21, 12, 0, 30, tzinfo=UTC)
SIGNED_AT = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
FAL = Key("fal-1", KeyKind.ED25519, PUBLIC)
TRUST = Trust(keys=(FAL,))
NAMES = [f"x-fal-webhook-{name}".encode() for name in ("request-id", "user-id", "timestamp", "signature")]


def delivery(headers: dict[bytes, bytes], body: bytes, **changed: Any) -> Delivery:
    return replace(Delivery("fal", Kind.HOOK, JOB, Headers(tuple(headers.items())), body, NOW), **changed)


def signed(stamp: bytes, body: bytes = b"{}") -> Delivery:
    """A delivery that fal did sign, whatever stands in its timestamp."""
    message = b"\n".join((b"r", b"u", stamp, hashlib.sha256(body).hexdigest().encode()))
    return delivery(dict(zip(NAMES, (b"r", b"u", stamp, PRIVATE.sign(message).hex().encode()), strict=True)), body)


@pytest.mark.parametrize(
    ("public", "message", "signature"),
    [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_rfc_8032(public: str, message: str, signature: str) -> None:
    """Ed25519 is that of RFC 8032 §7.1, tests 1 to 3."""
    key = Key("rfc", KeyKind.ED25519, bytes.fromhex(public))

    found = schemes._signer(bytes.fromhex(signature), bytes.fromhex(message), Trust(keys=(FAL, key)))

    assert found.material == key.material


def test_fal_names_its_reason() -> None:
    """What is believed says by which scheme and key, when it was signed, and that the body is covered."""
    sample = sampling.load("fal/done")

    verified = schemes.fal_ed25519(sample.delivery, sample.trust, sample.now)

    assert (verified.scheme, verified.key, verified.signed_at) == ("fal-ed25519", FAL, SIGNED_AT)
    assert verified.covers_body
    assert verified.delivery is sample.delivery


def test_every_key_is_tried() -> None:
    """A key that is no key is skipped, another's key is passed over, and the one that signed is named."""
    sample = sampling.load("fal/second-key")

    verified = schemes.fal_ed25519(sample.delivery, sample.trust, sample.now)

    assert verified.key == FAL


@pytest.mark.parametrize("name", NAMES)
def test_each_header_is_needed_once(name: bytes) -> None:
    """A header that is absent, or there twice, is a MissingHeader."""
    given_ = sampling.load("fal/done").delivery
    without = tuple(pair for pair in given_.headers if pair[0] != name)
    twice = (*given_.headers, (name, b"x"))

    for raw in (without, twice):
        with pytest.raises(MissingHeader):
            schemes.fal_ed25519(replace(given_, headers=Headers(raw)), TRUST, NOW)


@pytest.mark.parametrize("material", [b"", b"\0" * 31, b"\0" * 33, b"\0" * 32])
def test_no_fitting_key_is_an_unknown_key(material: bytes) -> None:
    """A well-formed signature of a key we do not hold may be helped by a refetch: it says so by its type."""
    for keys in ((), (replace(FAL, material=material),), (replace(FAL, kind=KeyKind.HMAC),)):
        with pytest.raises(UnknownKey):
            schemes.fal_ed25519(sampling.load("fal/done").delivery, Trust(keys=keys), NOW)


@pytest.mark.parametrize(
    "signature", [b"", b"00" * 63, b"00" * 65, b"zz" * 64, b"00 " * 64, b"\xd9\xa0" * 64, b"\xff" * 128]
)
def test_a_signature_out_of_form_asks_for_no_refetch(signature: bytes) -> None:
    """Garbage is a plain BadSignature: it must not send us to the key server."""
    headers = dict(zip(NAMES, (b"r", b"u", b"1789992000", signature), strict=True))

    with pytest.raises(BadSignature) as caught:
        schemes.fal_ed25519(delivery(headers, b"{}"), TRUST, NOW)

    assert caught.type is BadSignature


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_within_the_tolerance(seconds: int) -> None:
    """Old and fast clocks are borne alike, to the second."""
    stamp = str(1789992000).encode()

    verified = schemes.fal_ed25519(signed(stamp), TRUST, SIGNED_AT + timedelta(seconds=seconds))

    assert verified.signed_at == SIGNED_AT


@pytest.mark.parametrize("seconds", [-301, 301, -(10**8), 10**8])
def test_beyond_the_tolerance(seconds: int) -> None:
    """Too old and too far ahead are refused alike."""
    with pytest.raises(StaleTimestamp):
        schemes.fal_ed25519(signed(b"1789992000"), TRUST, SIGNED_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "stamp", [b"", b"-1", b"1e9", b" 1789992000", b"1789992000.0", b"9" * 5000, b"0x6a", b"\xd9\xa1"]
)
def test_a_signed_timestamp_that_is_no_number(stamp: bytes) -> None:
    """Even signed, a timestamp is ASCII digits of a sane length, or stale: never an OverflowError or ValueError."""
    with pytest.raises(StaleTimestamp):
        schemes.fal_ed25519(signed(stamp), TRUST, NOW)


def test_signature_before_timestamp() -> None:
    """A forger learns nothing of our clock: a bad signature with a stale timestamp is a bad signature."""
    forged = replace(signed(b"1"), body=b"[]")

    with pytest.raises(UnknownKey):
        schemes.fal_ed25519(forged, TRUST, NOW)


@pytest.mark.parametrize("pin", ["another", "U", "uu", "ü", "\udcff"])
def test_the_pinned_user(pin: str) -> None:
    """A delivery that fal signed for another customer is not ours."""
    with pytest.raises(BadSignature, match="FAL_USER_ID"):
        schemes.fal_ed25519(signed(b"1789992000"), replace(TRUST, options={"FAL_USER_ID": pin}), NOW)


@pytest.mark.parametrize("options", [{}, {"FAL_USER_ID": ""}, {"FAL_USER_ID": "u"}])
def test_the_right_user_or_no_pin(options: dict[str, str]) -> None:
    """Without a pin any user id goes, with one only that."""
    assert schemes.fal_ed25519(signed(b"1789992000"), replace(TRUST, options=options), NOW).key == FAL


@given(st.tuples(*[st.binary(max_size=200)] * 4), st.binary(max_size=50))
def test_no_garbage_gets_in(values: tuple[bytes, ...], body: bytes) -> None:
    """Whatever stands in headers and body, the answer is BadSignature or its kin."""
    garbage = delivery(dict(zip(NAMES, values, strict=True)), body)

    with pytest.raises(BadSignature):
        schemes.fal_ed25519(garbage, TRUST, NOW)
