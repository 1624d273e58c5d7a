"""Timestamps by others (RFC 3161): the question to an authority, what its answer says, and whether that holds.

The only module that knows `rfc3161-client`, which is an extra; no network here. What is stamped is the SHA-256 of a
checkpoint's note, byte for byte as it is stored.
"""

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from receiver.audit.certificate_set import ordered
from receiver.errors import BrokenEvidence, Misconfigured

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

INSTALL = "pip install 'proofhook[timestamps]'"
MAX_BYTES = 64 * 1024
"""Of an answer: a token with a chain of four certificates has some 8 KiB."""
TOLERANCE = timedelta(minutes=15)
"""How long before its checkpoint's own time a stamp may say it was: clocks differ."""
SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
LONGEST = 200
"""Characters of a stranger's words."""
_OF_A_CHECKPOINT = re.compile(rb"\ntime ([ -~]{1,40})\n")


@dataclass(frozen=True, slots=True)
class Question:
    """A TimeStampReq (RFC 3161 §2.4.1) in DER, and the nonce in it."""

    data: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer says. `by` is the subject (RFC 4514) of the certificate in it: a claim, until it is verified."""

    at: datetime
    by: str
    nonce: int | None


def installed() -> bool:
    """Whether the extra `timestamps` is; asked without importing it."""
    return importlib.util.find_spec("rfc3161_client") is not None


def roots(file: str) -> tuple[x509.Certificate, ...]:
    """The certificates in TSA_ROOTS; none where it is empty. Raises Misconfigured for a file that has none."""
    if not file:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(Path(file).read_bytes()))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no certificate in PEM can be read there"
        raise Misconfigured(f"TSA_ROOTS: {file}: {why}; give a file with the authority's root certificates") from None


def ask(note: bytes) -> Question:
    """A new question about a note: SHA-256, a random nonce of 64 bits, and the authority's certificate is wanted."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415  an extra

    made = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True)
    request = made.cert_request(cert_request=True).build()
    return Question(request.as_bytes(), request.nonce or 0)


def read(response: bytes, note: bytes) -> Stamp:
    """What a TimeStampResp (RFC 3161 §2.4.2) says of this note; its signature is not looked at.

    Raises BrokenEvidence where it is none, was not granted, is of other bytes, or has not its signer's certificate.
    """
    try:
        return _said(_decoded(response), note)
    except BrokenEvidence:
        raise
    except Exception as error:  # noqa: BLE001  what two libraries make of a stranger's bytes has no common end
        raise BrokenEvidence(f"it is no answer as RFC 3161 has it: {error}") from None


def verify(response: bytes, note: bytes, trusted: Sequence[x509.Certificate]) -> None:
    """That the answer is signed by a time-stamping certificate below one of `trusted`, all valid when it was made.

    Raises BrokenEvidence.
    """
    from rfc3161_client import VerifierBuilder  # noqa: PLC0415  an extra

    why = ""
    # all together, for a chain through several; then each alone, since of two by one name OpenSSL sees only the first
    for some in (trusted, *([each] for each in trusted)):
        try:
            VerifierBuilder(roots=list(some)).build().verify_message(_decoded(response), note)
        except Exception as error:  # noqa: BLE001  as above
            why = str(error)
        else:
            return
    raise BrokenEvidence(f"it does not verify up to a certificate in TSA_ROOTS: {why}")


def too_early(stamp: Stamp, note: bytes) -> str:
    """The checkpoint's own time where the stamp says to be older than that by more than TOLERANCE; else nothing."""
    found = _OF_A_CHECKPOINT.search(note)
    try:
        own = datetime.fromisoformat(found[1].decode()) if found else None
        return own.isoformat() if own is not None and stamp.at < own - TOLERANCE else ""
    except (ValueError, TypeError, OverflowError):
        return ""  # what is no time of ours is named by who checks the checkpoint


def _decoded(response: bytes) -> "TimeStampResponse":
    """Raises ValueError, BrokenEvidence."""
    from rfc3161_client import decode_timestamp_response  # noqa: PLC0415  an extra

    try:
        return decode_timestamp_response(response)
    except ValueError:
        return decode_timestamp_response(ordered(response))


def _said(found: "TimeStampResponse", note: bytes) -> Stamp:
    """Raises BrokenEvidence, and whatever else reading does."""
    if found.status != 0:
        words = _shown("; ".join(found.status_string))
        raise BrokenEvidence(f"the authority did not grant it: status {found.status} {words}".rstrip())
    said = found.tst_info
    imprint = said.message_imprint
    if (imprint.hash_algorithm, imprint.message) != (SHA256, hashlib.sha256(note).digest()):
        raise BrokenEvidence("it is a stamp of other bytes")
    return Stamp(said.gen_time, _signer(found), said.nonce)


def _signer(found: "TimeStampResponse") -> str:
    """Raises BrokenEvidence also where two certificates could be meant: the set of them is not signed."""
    signed = found.signed_data
    named = {(each.issuer, each.serial_number) for each in signed.signer_infos}
    held = [x509.load_der_x509_certificate(each) for each in signed.certificates]
    mine = [each for each in held if {(each.issuer, each.serial_number)} == named]
    if len(mine) != 1:
        raise BrokenEvidence("it does not hold the certificate of the one who signed it, or more than one by its name")
    return _shown(mine[0].subject.rfc4514_string())


def _shown(words: str) -> str:
    """A stranger's words, as far as a log may show them."""
    return "".join(filter(str.isprintable, words))[:LONGEST]
