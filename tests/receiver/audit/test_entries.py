"""What an entry says of a row, and what it says of a row that is not as it was."""

import hashlib
import json

import pytest

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
