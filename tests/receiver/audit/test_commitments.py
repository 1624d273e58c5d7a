import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import commitments
from receiver.errors import BrokenEvidence

KEY = bytes(range(32))
SALT = bytes(32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def test_a_salt_by_hand() -> None:
    """HMAC-SHA256 over a label and both names, each behind its length: documented, so that it can be made anew."""
    message = b"proofhook salt 1\n" + b"\0\0\0\0\0\0\0\x03" + b"e-1" + b"\0\0\0\0\0\0\0\x06" + b"prompt"

    assert commitments.salt(KEY, "e-1", "prompt") == hmac.new(KEY, message, hashlib.sha256).digest()
    assert commitments.salt(KEY, "e-1", "prompt").hex() == (
        "edb2c8bb749ab985adc007f44af03feec259a02efa93a41059fa3cc6eca67e7f"
    )


def test_a_commitment_by_hand() -> None:
    """SHA-256 over a label, salt, name and value, each behind its length: documented, so that it can be made anew."""
    parts = (SALT, b"prompt", b"cat")
    message = b"proofhook commitment 1\n" + b"".join(bytes(7) + bytes([len(part)]) + part for part in parts)

    assert commitments.commit(SALT, "prompt", b"cat") == hashlib.sha256(message).hexdigest()
    assert commitments.commit(SALT, "prompt", b"cat") == (
        "1b4476973718ed76f3871b535bcc58d5949c62ad1e2db715051d360d1f5c2966"
    )


@given(TEXT, TEXT, TEXT, TEXT)
def test_salts_differ(one: str, other: str, third: str, fourth: str) -> None:
    """Two fields have one salt only if they are the same field of the same entry, however their names are cut."""
    same = (one, other) == (third, fourth)

    assert (commitments.salt(KEY, one, other) == commitments.salt(KEY, third, fourth)) == same
    assert commitments.salt(KEY, one, other) != commitments.salt(KEY[::-1], one, other)


@given(TEXT, st.binary(max_size=12), TEXT, st.binary(max_size=12))
def test_commitments_differ(name: str, value: bytes, other: str, another: bytes) -> None:
    """One commitment is to one name and value, however they are cut, under one salt."""
    first = commitments.commit(SALT, name, value)

    assert (first == commitments.commit(SALT, other, another)) == ((name, value) == (other, another))
    assert first != commitments.commit(KEY, name, value)
    assert len(first) == 64


def test_verify() -> None:
    """A commitment is to its own salt, name and value, and to nothing else."""
    made = commitments.commit(SALT, "prompt", b"cat")
    commitments.verify(made, SALT, "prompt", b"cat")

    for wrong in (
        (made, KEY, "prompt", b"cat"),
        (made, SALT, "prompts", b"cat"),
        (made, SALT, "prompt", b"car"),
        (made.upper(), SALT, "prompt", b"cat"),
        ("", SALT, "prompt", b"cat"),
    ):
        with pytest.raises(BrokenEvidence):
            commitments.verify(*wrong)


@pytest.mark.parametrize("key", [b"", b"x" * 31])
def test_a_missing_secret_derives_nothing(key: bytes) -> None:
    """Salts that anybody could guess hide nothing: without a secret of 32 bytes there are none."""
    with pytest.raises(BrokenEvidence):
        commitments.salt(key, "e", "f")


@pytest.mark.parametrize("salt", [b"", b"x" * 31, b"x" * 33])
def test_a_salt_has_its_length(salt: bytes) -> None:
    """An empty or cut salt is refused rather than used."""
    with pytest.raises(BrokenEvidence):
        commitments.commit(salt, "f", b"")


def test_names_are_characters() -> None:
    """A lone surrogate in a name is BrokenEvidence and no UnicodeEncodeError."""
    with pytest.raises(BrokenEvidence):
        commitments.salt(KEY, "\ud800", "f")
    with pytest.raises(BrokenEvidence):
        commitments.commit(SALT, "\ud800", b"")


@pytest.mark.parametrize("key", [KEY, KEY * 2, KEY * 2 + b"x"], ids=len)
@given(TEXT, st.lists(st.tuples(TEXT, st.binary(max_size=300)), max_size=3))
def test_all_at_once_is_each_by_itself(key: bytes, entry_id: str, fields: list[tuple[str, bytes]]) -> None:
    """HMAC written out for a key up to a block, and handed on for a longer one: the same as field by field."""
    each = [commitments.commit(commitments.salt(key, entry_id, name), name, value) for name, value in fields]

    assert commitments.commit_all(key, entry_id, fields) == each
