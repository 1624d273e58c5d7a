"""What a timestamp (RFC 3161) says, read out of its DER. Who signed it is not checked here: openssl does that."""

import hashlib
from datetime import datetime

from receiver.audit.stranger.findings import Bad, Report

STAMP = "checkpoint.tsr"
BY_HAND = "openssl ts -verify -in checkpoint.tsr -data checkpoint.note -CAfile ROOTS.pem"
"""How the authority's signature is checked; ROOTS.pem is its root certificate, from the authority itself."""
_SEQUENCE, _INTEGER, _OCTETS, _NAME, _TIME, _EXPLICIT = 0x30, 0x02, 0x04, 0x06, 0x18, 0xA0
_SIGNED_DATA, _TST_INFO = "2a864886f70d010702", "2a864886f70d0109100104"
_SHA256 = "608648016503040201"
"""Object identifiers as DER has them, in hex: RFC 5652 §5.1, RFC 3161 §2.4.2, RFC 5754 §2.2."""


def check_stamp(response: bytes, note: bytes, report: Report) -> None:
    """That it was granted for the SHA-256 of these bytes; and a note of what it says. Raises Bad, ValueError."""
    (answer,) = _values(response, _SEQUENCE)
    status, token = _values(answer, _SEQUENCE, _SEQUENCE)
    if _first(status, _INTEGER) != b"\0":
        raise Bad("the authority did not grant it")
    signed = _explicit(token, _SIGNED_DATA)
    (parts,) = _values(signed, _SEQUENCE)
    content = _explicit(split_der(parts)[2][1], _TST_INFO)
    (octets,) = _values(content, _OCTETS)
    (info,) = _values(octets, _SEQUENCE)
    fields = split_der(info)
    (kind, imprint), (at_kind, at) = fields[2], fields[4]
    algorithm, hashed = _values(imprint, _SEQUENCE, _OCTETS)
    if (kind, at_kind, _first(algorithm, _NAME).hex()) != (_SEQUENCE, _TIME, _SHA256):
        raise Bad("it is no timestamp over a SHA-256")
    if hashed != hashlib.sha256(note).digest():
        raise Bad("it is of another checkpoint")
    said = datetime.fromisoformat(f"{at[:8].decode('ascii')}T{at[8:].decode('ascii')}").isoformat()
    report.checked["timestamp hashes"] += 1
    report.noted.append(
        f"{STAMP} says that the checkpoint was there at {said}. Who signed that is not checked here; do so by {BY_HAND}"
    )


def split_der(data: bytes) -> list[tuple[int, bytes]]:
    """The values that stand one behind the other, each with its tag (X.690 §8.1, §10.1). Raises Bad."""
    found, at = [], 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            more = size & 0x7F
            size = int.from_bytes(data[at : at + more], "big")
            at += more
        if at + size > len(data):
            raise Bad("it is cut short")
        found.append((tag, data[at : at + size]))
        at += size
    return found


def _values(data: bytes, *tags: int) -> list[bytes]:
    """The contents of values that have exactly these tags. Raises Bad."""
    found = split_der(data)
    if [tag for tag, _ in found] != [*tags]:
        raise Bad("it is no answer of a timestamp authority")
    return [value for _, value in found]


def _first(data: bytes, tag: int) -> bytes:
    """Raises Bad."""
    found = split_der(data)
    if not found or found[0][0] != tag:
        raise Bad("it is no answer of a timestamp authority")
    return found[0][1]


def _explicit(data: bytes, name: str) -> bytes:
    """What stands behind an object identifier that has to be this one. Raises Bad."""
    found, value = _values(data, _NAME, _EXPLICIT)
    if found.hex() != name:
        raise Bad("it is no timestamp")
    return value
