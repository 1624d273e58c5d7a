"""One entry of the trail → the bytes that are hashed: RFC 8785 (JCS) of a narrow kind of JSON. Pure.

Narrow, so that every reader in every language reads back what was written: no floats, whole numbers within ±(2**53 - 1)
only (RFC 7493 §2.2), and text without lone surrogates. Bytes come as base64 or hex, as the entry's format says.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785

from receiver.errors import BrokenEvidence

LARGEST_INT = (1 << 53) - 1
MAX_DEPTH = 32
"""Objects and lists within each other, the entry itself included."""
_SHOWN = 40


def encode(entry: Mapping[str, Any]) -> bytes:
    """The canonical UTF-8 bytes of an entry: a dict of str, int, bool, None, and lists and dicts of such.

    Equal entries give equal bytes, different ones different bytes. Raises BrokenEvidence, which names the place, for
    anything else: floats, bytes, and also tuples and subclasses such as enums, which would not come back as they went.
    """
    if type(entry) is not dict:
        raise BrokenEvidence("an entry is a dict")
    _check(entry)
    return rfc8785.dumps(entry)


def _check(entry: dict[str, Any]) -> None:
    """Level by level, not by recursion: an entry may come from JSON that is nested on purpose."""
    level: list[tuple[str, Any]] = [("", entry)]
    for depth in range(MAX_DEPTH + 1):
        if depth == MAX_DEPTH and any(type(value) in {dict, list} for _, value in level):
            raise BrokenEvidence(f"the entry is nested deeper than {MAX_DEPTH} levels")
        level = [inner for path, value in level for inner in _within(path, value)]


def _within(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a list or dict holds, each with its path; of any other value, nothing. Raises BrokenEvidence."""
    kind = type(value)
    if kind is dict:
        for key, each in value.items():
            if type(key) is not str:
                raise BrokenEvidence(f"{path or 'the entry'} has a key that is no text")
            _characters(path or "the entry", key)
            yield f"{path}.{key[:_SHOWN]}" if path else key[:_SHOWN], each
    elif kind is list:
        yield from ((f"{path}[{place}]", each) for place, each in enumerate(value))
    elif kind is str:
        _characters(path, value)
    elif kind is int:
        if not -LARGEST_INT <= value <= LARGEST_INT:
            raise BrokenEvidence(f"{path} is a number beyond 2**53 - 1")
    elif kind is not bool and value is not None:
        raise BrokenEvidence(f"{path} is of type {kind.__name__}, which has no canonical form here")


def _characters(path: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BrokenEvidence(f"{path} holds a lone surrogate, which is no character") from None
