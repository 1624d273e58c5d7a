"""Bodies and values that no provider sends, for the contract: each must be refused by name, and nothing else escape."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

JUNK: tuple[bytes, ...] = (
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"[{}]",
    b'{"": ""}',
    b"{",
    b'{"a": 1,}',
    b"NaN",
    b'{"request_id": NaN, "id": Infinity, "data": -Infinity}',
    b'{"request_id": 1e999999999, "id": 1e999999999}',
    b"1" * 5000,
    b'{"id": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"data":' * 50_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'"\\ud800"',
    b'{"request_id": "\\ud800", "id": "\\udfff", "status": "\\ud800"}',
    b'{"request_id": "a\\u0000b", "id": "a\\u0000b", "status": "a\\u0000b"}',
    "\ufeff{}".encode(),
    "{}".encode("utf-16"),
    b"\xff\xfe\xfd",
    b"<html>502</html>",
    hashlib.sha512(b"junk").digest(),
)
WRONG: tuple[object, ...] = (None, True, 0, -1, 1.5, 10**40, "", "x", "\ud800", "\0", "http://", "data:,", [], {}, [{}])
"""What stands in for each value of a sample's body, one at a time."""

_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


def mutations(body: bytes) -> Iterator[bytes]:
    """The body with each of its values, at every depth, taken out or replaced by each of `WRONG`; none if not JSON."""
    try:
        document = json.loads(body)
    except ValueError:
        return
    for path in _paths(document):
        for value in (*WRONG, ...):
            yield json.dumps(_put(document, path, value)).encode()


def unfit(value: object) -> Iterator[str]:
    """Each text within, at any depth, that UTF-8 or a database does not take."""
    if isinstance(value, str) and _UNFIT.search(value):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from unfit(inner)


def junk_headers(value: bytes) -> tuple[bytes, ...]:
    """What stands in for a signing header's value: other types, other scripts, and near misses."""
    changed = bytes([value[0] ^ 1]) + value[1:] if value else b"x"
    return (
        b"",
        b" ",
        b"junk",
        b"\xff\xfe",
        b"\xd9\xa1\xd9\xa2",
        b"9" * 5000,
        b"-1",
        b"1e9",
        value[:-1],
        value + b"0",
        changed,
    )


def _paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*at, key))


def _put(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """A copy with `new` at the path; `...` takes the value out."""
    if not path:
        return None if new is ... else new
    key, rest = path[0], path[1:]
    items = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    if new is ... and not rest:
        del items[key]
    else:
        items[key] = _put(value[key], rest, new)
    return items if isinstance(value, dict) else list(items.values())
