"""What an entry says of a row, and what it says of a row that is not as it was."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receiver.audit import commitments, entries
from receiver.errors import BrokenEvidence

SALT = bytes(range(32))
AT = "2026-03-01T12:00:00.000000Z"
VALUES = {"n": 1, "word": "é", "data": b"\x00\xff", "big": 2**60, "none": None, "secret": "s", "url": None}


def made(**changed: object) -> entries.Entry:
    return entries.build("key", "a/b", AT, VALUES | changed, ("secret", "url"), SALT)


def test_an_entry_byte_for_byte() -> None:
    """As docs/evidence.md has it: canonical JSON, bytes in hex, large numbers as text, the salt by its hash."""
    entry = made()
    assert entry["plain"] == {"n": 1, "word": "é", "data": "00ff", "big": str(2**60), "none": None}
    assert entry["salt"] == hashlib.sha256(SALT).hexdigest()
    own = commitments.salt(SALT, "a/b", "secret")
    assert entry["hidden"]["secret"] == commitments.commit(own, "secret", b"ts")
    assert entries.write(entry) == json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert entries.read(entries.write(entry)) == entry


def test_what_is_gone_says_so() -> None:
    """Neither plain nor hidden parts; against a row that is there it differs in that alone."""
    gone = entries.build("key", "a/b", AT, None, (), SALT)
    assert gone["gone"] is True
    assert "plain" not in gone
    assert entries.differences(entries.write(gone), made()) == ["gone"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, []),
        ({"n": 2}, ["n"]),
        ({"url": "", "secret": None, "word": 5}, ["word", "secret", "url"]),
        ({"n": 1.5}, ["n"]),
    ],
)
def test_differences_are_named(changed: dict[str, object], named: list[str]) -> None:
    """Each column that is not as sealed, plain or hidden, whatever type it has by now."""
    sealed = entries.write(made())
    now = entries.again(sealed, "key", "a/b", VALUES | changed, ("secret", "url"), SALT)
    assert entries.differences(sealed, now) == named


def test_other_parts_are_named_too() -> None:
    """Another version or time, where plain and hidden are the same."""
    assert entries.differences(made() | {"v": 2}, made()) == ["v"]


def test_true_is_one() -> None:
    """SQLite has no truth values: a flag is 0 or 1 everywhere."""
    assert made(n=True)["plain"]["n"] == 1
    assert type(made(n=True)["plain"]["n"]) is int


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"[" * 9999, b"{}", b'{"kind":"a","ref":"b","sealed_at":"","salt":""}']
)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    """BrokenEvidence, and nothing else."""
    for use in (entries.read, entries.names):
        with pytest.raises(BrokenEvidence):
            use(data)


ODD = st.text(st.characters(exclude_categories=()), max_size=12)
"""Any text, lone surrogates and NUL included."""
VALUE = ODD | st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=8)
ROW = {"word": "é%s", "nul": "\0", "big": 2**53, "most": -(2**53) + 1, "blob": b"\xff", "point": 0.5, "none": None}


def outcome(make: Callable[..., Any], *given: Any) -> Any:
    try:
        return make(*given)
    except (BrokenEvidence, UnicodeEncodeError) as error:
        return type(error), str(error)


@given(ODD, ODD, ODD, st.dictionaries(st.text(max_size=6), VALUE, max_size=6), st.binary(min_size=32, max_size=70))
@example("delivery", "a/b", AT, ROW, SALT)
@example("delivery", "a/b", AT, ROW | {"word": "\ud800"}, SALT)
def test_the_quick_way_writes_the_same_bytes(kind: str, ref: str, at: str, values: dict[str, Any], key: bytes) -> None:
    """Whatever stands in a row, as it may have been tampered with: the same entry, or the same refusal."""
    for count in (0, len(values) // 2, len(values)):
        hidden = sorted(values)[:count]
        quick = outcome(entries.written, kind, ref, at, values, hidden, key)
        entry = outcome(entries.build, kind, ref, at, values, hidden, key)
        assert quick == (outcome(entries.write, entry) if isinstance(entry, dict) else entry)


def test_what_is_gone_is_written_the_same_way() -> None:
    """There is nothing quick about it, and nothing else."""
    gone = entries.build("key", "a/b", AT, None, (), SALT)
    assert entries.written("key", "a/b", AT, None, ("url",), SALT) == entries.write(gone)


@pytest.mark.parametrize("key", [b"", SALT[:31]])
def test_a_short_secret_hides_nothing(key: bytes) -> None:
    """A salt that a purge has emptied makes no entry anew."""
    with pytest.raises(BrokenEvidence):
        entries.written("key", "a/b", AT, VALUES, ("secret",), key)


def test_an_entry_is_known_by_its_bytes() -> None:
    """Of this row, this salt and any time; one byte, value, kind or name off, and it is not."""
    hidden, whole = ("secret", "url"), entries.write(made())
    assert entries.is_written(whole, "key", "a/b", VALUES, hidden, SALT)
    assert not entries.is_written(whole, "end", "a/b", VALUES, hidden, SALT)
    assert not entries.is_written(whole, "key", "a/c", VALUES, hidden, SALT)
    assert not entries.is_written(whole, "key", "a/b", VALUES | {"n": 2}, hidden, SALT)
    assert not entries.is_written(whole, "key", "a/b", VALUES | {"secret": "t"}, hidden, SALT)
    for key in (SALT[::-1], b""):
        assert not entries.is_written(whole, "key", "a/b", VALUES, hidden, key)
    time = whole.index(AT.encode())
    for at in {*range(len(whole))} - {*range(time, time + len(AT))}:
        spoiled = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert not entries.is_written(spoiled, "key", "a/b", VALUES, hidden, SALT), at
