"""A sealed entry: what a row said when it was sealed, in plain or, where it may be left out, as commitments. Pure.

    {"v": 1, "kind": "delivery", "ref": "<primary key>", "sealed_at": "2026-03-01T12:00:00.000000Z",
     "salt": "<64 hex digits>", "plain": {"verdict": "verified", …}, "hidden": {"headers": "<64 hex digits>", …}}

`salt` is the SHA-256 of what the commitments are salted with, so that a salt that was changed is known as such. A row
that is gone when its turn comes has `"gone": true` in the place of plain and hidden. The bytes are canonical
(RFC 8785), and the leaf's hash is over them; docs/evidence.md has all of it byte for byte.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from receiver.audit.canonical import LARGEST_INT, encode
from receiver.audit.commitments import commit, salt
from receiver.errors import BrokenEvidence

VERSION = 1
_TEXTS = ("kind", "ref", "sealed_at", "salt")
_PARTS = ("plain", "hidden")
Entry = dict[str, Any]


def build(
    kind: str, ref: str, sealed_at: str, values: Mapping[str, Any] | None, hidden: Sequence[str], key: bytes
) -> Entry:
    """The entry of a row's values (None: the row is gone); `hidden` names are committed to, salted by `key`."""
    entry: Entry = {"v": VERSION, "kind": kind, "ref": ref, "sealed_at": sealed_at, "salt": sha256(key).hexdigest()}
    if values is None:
        return entry | {"gone": True}
    entry["plain"] = {name: _plain(value) for name, value in values.items() if name not in hidden}
    entry["hidden"] = {name: commit(salt(key, ref, name), name, opened(values[name])) for name in hidden}
    return entry


def read(sealed: bytes) -> Entry:
    """The entry that bytes are. Raises BrokenEvidence for whatever is none of ours."""
    try:
        entry = json.loads(sealed)
    except (ValueError, RecursionError):
        raise BrokenEvidence("an entry is JSON") from None
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in _TEXTS):
        raise BrokenEvidence("an entry names its kind, its row, its time and its salt")
    if entry.get("gone") is not True and not all(isinstance(entry.get(name), dict) for name in _PARTS):
        raise BrokenEvidence("an entry has plain and hidden parts, or its row is gone")
    return entry


def again(
    sealed: bytes | Entry, kind: str, ref: str, values: Mapping[str, Any] | None, hidden: Sequence[str], key: bytes
) -> Entry:
    """The entry that these values would have had when `sealed` was made. Raises BrokenEvidence."""
    return build(kind, ref, _entry(sealed)["sealed_at"], values, hidden, key)


def names(sealed: bytes | Entry) -> tuple[str, str]:
    """Kind and name of the row that an entry is of. Raises BrokenEvidence."""
    was = _entry(sealed)
    return was["kind"], was["ref"]


def is_salted(entry: Entry, key: bytes) -> bool:
    """Whether this is the salt that the entry was made with."""
    return bool(entry["salt"] == sha256(key).hexdigest())


def _entry(sealed: bytes | Entry) -> Entry:
    return read(sealed) if isinstance(sealed, bytes) else sealed


def opened(value: Any) -> bytes:
    """What a commitment is over: bytes as they are, text in UTF-8, nothing as nothing; the first byte tells which."""
    if value is None:
        return b"-"
    if isinstance(value, bytes):
        return b"b" + value
    return b"t" + str(value).encode("utf-8", "surrogateescape")


def _plain(value: Any) -> Any:
    """JSON has no bytes, and numbers beyond 2^53 are not the same everywhere."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        return str(value)
    return value if value is None or isinstance(value, int | str) else repr(value)  # SQLite: a number with a point


def differences(sealed: bytes | Entry, now: Entry) -> list[str]:
    """The names in which a sealed entry is not what the row says now; empty when it is the same.

    Raises BrokenEvidence.
    """
    was = _entry(sealed)
    if was == now:
        return []
    if ("gone" in was) != ("gone" in now):
        return ["gone"]
    names = []
    for part in ("plain", "hidden"):
        before, after = was.get(part, {}), now.get(part, {})
        names += [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return names or [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]


def write(entry: Entry) -> bytes:
    """The canonical bytes of an entry. Raises BrokenEvidence for what cannot be written so."""
    return encode(entry)
