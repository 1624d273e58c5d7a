"""A sealed entry: what a row said when it was sealed, in plain or, where it may be left out, as commitments. Pure.

    {"v": 1, "kind": "delivery", "ref": "<primary key>", "sealed_at": "2026-03-01T12:00:00.000000Z",
     "salt": "<64 hex digits>", "plain": {"verdict": "verified", …}, "hidden": {"headers": "<64 hex digits>", …}}

`salt` is the SHA-256 of what the commitments are salted with, so that a salt that was changed is known as such. A row
that is gone when its turn comes has `"gone": true` in the place of plain and hidden. The bytes are canonical
(RFC 8785), and the leaf's hash is over them; docs/evidence.md has all of it byte for byte.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from receiver.audit.canonical import LARGEST_INT, encode
from receiver.audit.commitments import commit, commit_all, salt
from receiver.errors import BrokenEvidence

VERSION = 1
_TEXTS = ("kind", "ref", "sealed_at", "salt")
_PARTS = ("plain", "hidden")
_AT, _END = b',"sealed_at":"', b'","v":%d}' % VERSION
"""What stands before and behind an entry's time in its canonical bytes."""
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


def written(
    kind: str, ref: str, sealed_at: str, values: Mapping[str, Any] | None, hidden: Sequence[str], key: bytes
) -> bytes:
    """`write(build(…))` in a quarter of the time: the order of names is that of the kind, and worked out once.

    Raises BrokenEvidence as they do.
    """
    if values is None:
        return write(build(kind, ref, sealed_at, values, hidden, key))
    form = _form(kind, tuple(values), tuple(hidden))
    commitments = commit_all(key, ref, [(name, opened(values[name])) for name in form.hidden]) if form.hidden else ()
    said = [_json(values[name]) for name in form.plain]
    try:
        return (form.text % (*commitments, *said, _json(ref), sha256(key).hexdigest(), _json(sealed_at))).encode()
    except UnicodeEncodeError:
        return write(build(kind, ref, sealed_at, values, hidden, key))  # which names what is no character


def is_written(
    sealed: bytes, kind: str, ref: str, values: Mapping[str, Any], hidden: Sequence[str], key: bytes
) -> bool:
    """Whether these are the very bytes of this row's entry, at the time that they name themselves.

    If so, they read back as it, and there is nothing to compare; if not, they may still say the same in another form.
    """
    try:
        at = sealed[sealed.rindex(_AT) + len(_AT) : -len(_END)].decode()
        return sealed == written(kind, ref, at, values, hidden, key)
    except (ValueError, BrokenEvidence):  # ValueError: it has no time, or one that is no text
        return False


@dataclass(frozen=True, slots=True)
class _Form:
    """An entry's canonical text with a gap for each value, and which names fill the gaps, in their order."""

    hidden: tuple[str, ...]
    plain: tuple[str, ...]
    text: str


@lru_cache(maxsize=64)
def _form(kind: str, names: tuple[str, ...], hidden: tuple[str, ...]) -> _Form:
    own, plain = (
        tuple(sorted(some, key=lambda name: name.encode("utf-16-be")))  # RFC 8785 §3.2.3
        for some in (hidden, set(names) - set(hidden))
    )
    commitments = ",".join(f'{_named(name)}:"%s"' for name in own)
    said = ",".join(f"{_named(name)}:%s" for name in plain)
    text = f'{{"hidden":{{{commitments}}},"kind":{_named(kind)},"plain":{{{said}}},"ref":%s,"salt":"%s"'
    return _Form(own, plain, f"{text}{_AT[:-1].decode()}%s{_END[1:].decode()}")


def _named(name: str) -> str:
    return _json(name).replace("%", "%%")


def _json(value: Any) -> str:
    """A value as `_plain` has it, written as `canonical.encode` writes it."""
    if type(value) is str:
        return encode_basestring(value)
    if value is None:
        return "null"
    return _json(_plain(value)) if type(value) is not int or abs(value) > LARGEST_INT else repr(value)
