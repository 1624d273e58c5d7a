"""An authority's answer with its certificates in the order of DER, which many authorities do not keep to. Pure.

CMS is BER to its authors (RFC 5652 §5.1), and openssl writes the set as it was configured; `rfc3161-client` reads DER
alone (X.690 §11.6). The set is not signed, so that its order says nothing: what is kept is the answer as it came.
"""

from receiver.audit.stranger.stamps import split_der
from receiver.errors import BrokenEvidence

_SEQUENCE, _EXPLICIT, _CERTIFICATES = 0x30, 0xA0, 0xA0
_LONG = 0x80


def ordered(response: bytes) -> bytes:
    """The same TimeStampResp (RFC 3161 §2.4.2), its certificates sorted. Raises BrokenEvidence for what is none."""
    try:
        [(_, answer)] = split_der(response)
        status, (_, token) = split_der(answer)
        name, (_, explicit) = split_der(token)
        [(_, signed)] = split_der(explicit)
        told = [(tag, _sorted(value) if tag == _CERTIFICATES else value) for tag, value in split_der(signed)]
    except (ValueError, IndexError):
        raise BrokenEvidence("it is no answer as RFC 3161 has it") from None
    parts = b"".join(_joined(*each) for each in told)
    inner = _joined(*name) + _joined(_EXPLICIT, _joined(_SEQUENCE, parts))
    return _joined(_SEQUENCE, _joined(*status) + _joined(_SEQUENCE, inner))


def _sorted(values: bytes) -> bytes:
    return b"".join(sorted(_joined(*each) for each in split_der(values)))


def _joined(tag: int, value: bytes) -> bytes:
    """Tag, length and value (X.690 §8.1)."""
    if len(value) < _LONG:
        return bytes([tag, len(value)]) + value
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG + len(size)]) + size + value
