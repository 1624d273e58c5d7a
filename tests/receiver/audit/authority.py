"""A timestamp authority of our own (RFC 3161): a root, a certificate below it, and whatever time it is told.

Its answers are put together here from the ASN.1 of RFC 3161 §2.4.2 and RFC 5652 §5, so that each part can be wrong.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client._rust import parse_timestamp_request

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, DIGEST, CERTIFICATE = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47"
SHA256, ECDSA, POLICY = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2", "1.3.6.1.4.1.57264.2"
SEQUENCE, SET, OCTETS, TIME, TEXT = 0x30, 0x31, 0x04, 0x18, 0x0C
GRANTED, WITH_MODS, REJECTED = 0, 1, 2


def der(tag: int, *parts: bytes) -> bytes:
    """One value with its tag and length (X.690 §8.1)."""
    data = b"".join(parts)
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([len(data)]) if len(data) < 128 else bytes([128 + len(size)]) + size) + data


def number(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc >> shift & 0x7F for shift in range(0, max(arc.bit_length(), 1), 7)]
        out += bytes([septet | 0x80 * (place > 0) for place, septet in reversed(list(enumerate(septets)))])
    return der(0x06, bytes(out))


def algorithm(dotted: str) -> bytes:
    return der(SEQUENCE, oid(dotted))


def attribute(dotted: str, value: bytes) -> bytes:
    return der(SEQUENCE, oid(dotted), der(SET, value))


@dataclass
class Authority:
    """Answers questions; what is wrong with its answers is set by the test."""

    now: datetime = datetime(2026, 9, 21, 12, tzinfo=UTC)
    name: str = "Test Authority"
    status: int = GRANTED
    nonce: int | None = None
    imprint: bytes | None = None
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING
    with_certificate: bool = True
    disorder: bool = False
    """The root's certificate is there, too, and the two are in the order that DER does not have."""
    beside: x509.Certificate | None = None
    """Another certificate that is there."""
    asked: list[bytes] = field(default_factory=list)

    @cached_property
    def _keys(self) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey]:
        return ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def _named(self, name: str, public: ec.EllipticCurvePublicKey, serial: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} Root")]))
            .public_key(public)
            .serial_number(serial)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2049, 1, 1, tzinfo=UTC))
        )

    @cached_property
    def root(self) -> x509.Certificate:
        key = self._keys[0]
        made = self._named(f"{self.name} Root", key.public_key(), 1)
        return made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
            key, hashes.SHA256()
        )

    @cached_property
    def certificate(self) -> x509.Certificate:
        made = self._named(self.name, self._keys[1].public_key(), 2)
        made = made.add_extension(x509.ExtendedKeyUsage([self.usage]), critical=True)
        return made.sign(self._keys[0], hashes.SHA256())

    @property
    def roots(self) -> bytes:
        """PEM, for TSA_ROOTS."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    @property
    def signer(self) -> tuple[bytes, bytes]:
        """Certificate and key below the root, in PEM."""
        plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.certificate.public_bytes(serialization.Encoding.PEM), self._keys[1].private_bytes(*plain)

    def answer(self, question: bytes, at: datetime | None = None) -> bytes:
        """A TimeStampResp (RFC 3161 §2.4.2) to a TimeStampReq; `at` instead of its own time."""
        self.asked.append(question)
        if self.status not in {GRANTED, WITH_MODS}:
            words = der(SEQUENCE, der(TEXT, b"no more \x1b]0;today"))
            return der(SEQUENCE, der(SEQUENCE, number(self.status), words))
        asked = parse_timestamp_request(question)
        imprint = self.imprint or asked.message_imprint.message
        nonce = self.nonce or asked.nonce
        assert nonce is not None
        return self._stamped(imprint, nonce, at or self.now)

    def _stamped(self, imprint: bytes, nonce: int, at: datetime) -> bytes:
        info = der(
            SEQUENCE,
            number(1), oid(POLICY), der(SEQUENCE, algorithm(SHA256), der(OCTETS, imprint)), number(len(self.asked) + 1),
            der(TIME, at.strftime("%Y%m%d%H%M%SZ").encode()), number(nonce),
        )  # fmt: skip
        token = der(SEQUENCE, oid(SIGNED_DATA), der(0xA0, self._signed(info)))
        return der(SEQUENCE, der(SEQUENCE, number(self.status)), token)

    def _signed(self, info: bytes) -> bytes:
        """SignedData of RFC 5652 §5.1, over a TSTInfo."""
        raw = self.certificate.public_bytes(serialization.Encoding.DER)
        mine = der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, der(OCTETS, sha256(raw).digest()))))
        facts = [
            attribute(CONTENT_TYPE, oid(TST_INFO)),
            attribute(DIGEST, der(OCTETS, sha256(info).digest())),
            attribute(CERTIFICATE, mine),
        ]
        signed = der(SET, *sorted(facts))
        signature = self._keys[1].sign(signed, ec.ECDSA(hashes.SHA256()))
        issuer = der(SEQUENCE, self.certificate.issuer.public_bytes(), number(self.certificate.serial_number))
        signer = der(
            SEQUENCE, number(1), issuer, algorithm(SHA256), b"\xa0" + signed[1:], algorithm(ECDSA),
            der(OCTETS, signature),
        )  # fmt: skip
        content = der(SEQUENCE, oid(TST_INFO), der(0xA0, der(OCTETS, info)))
        more = [self.root] if self.disorder else [self.beside] if self.beside else []
        chain = [raw, *(each.public_bytes(serialization.Encoding.DER) for each in more)]
        certificates = der(0xA0, *sorted(chain, reverse=True)) if self.with_certificate else b""
        return der(SEQUENCE, number(3), der(SET, algorithm(SHA256)), content, certificates, der(SET, signer))
