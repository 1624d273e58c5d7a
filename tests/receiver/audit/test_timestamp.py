"""Questions to an authority, and what its answers say: every part of an answer that can be wrong."""

from pathlib import Path

import pytest

from receiver.audit import timestamp
from receiver.audit.certificate_set import ordered
from receiver.errors import BrokenEvidence, Misconfigured
from tests.receiver.audit.authority import REJECTED, Authority
from tests.receiver.audit.bundles import flipped

NOTE = b"hooks.example/trail\n0\n47DE\ntime 2026-09-21T12:00:00.000000Z\nprevious none\n\n"
AUTHORITY = Authority()


@pytest.fixture(scope="module")
def response() -> bytes:
    return AUTHORITY.answer(timestamp.ask(NOTE).data)


def test_a_question_is_of_the_hash_with_a_nonce_of_its_own() -> None:
    """Each another nonce; the certificate is asked for, since nobody could verify the answer years later without."""
    first, second = timestamp.ask(NOTE), timestamp.ask(NOTE)
    assert first.nonce != second.nonce
    assert timestamp.read(AUTHORITY.answer(first.data), NOTE).nonce == first.nonce
    assert first.data.endswith(b"\x01\x01\xff")


def test_an_answer_says_when_and_by_whom(response: bytes) -> None:
    """The authority's own time, and the subject of the certificate that verifies it."""
    said = timestamp.read(response, NOTE)
    assert (said.at, said.by) == (AUTHORITY.now, "CN=Test Authority")
    timestamp.verify(response, NOTE, [AUTHORITY.root])


def test_no_root_verifies_nothing(response: bytes) -> None:
    """Fail closed: without a root there is no trust, whatever the answer brings along."""
    with pytest.raises(BrokenEvidence, match="TSA_ROOTS"):
        timestamp.verify(response, NOTE, [])
    with pytest.raises(BrokenEvidence, match="TSA_ROOTS"):
        timestamp.verify(response, NOTE, [Authority().root])


def test_a_chain_stands_in_one_file() -> None:
    """Roots of several authorities, by the same name, too: one of them will do, in any order."""
    other = Authority()
    answer = other.answer(timestamp.ask(NOTE).data)
    for trusted in ([AUTHORITY.root, other.root], [other.root, AUTHORITY.root]):
        timestamp.verify(answer, NOTE, trusted)


def test_whatever_the_answer_holds_nothing_but_ours_escapes(response: bytes) -> None:
    """Every byte altered, many lengths cut: what passes are versions and names of algorithms, which nothing signs."""
    altered = [flipped(response, at, by) for at in range(len(response)) for by in (1, 0xFF)]
    passed = 0
    for data in (*altered, *(response[:at] for at in range(0, len(response), 7))):
        try:
            timestamp.read(data, NOTE)
            timestamp.verify(data, NOTE, [AUTHORITY.root])
            passed += 1
        except BrokenEvidence:
            continue
    assert passed < 30


def test_a_time_that_was_changed_does_not_verify(response: bytes) -> None:
    """The time is under the signature."""
    at = response.index(b"20260921120000Z")
    changed = flipped(response, at + 3)
    assert timestamp.read(changed, NOTE).at != AUTHORITY.now
    with pytest.raises(BrokenEvidence, match="TSA_ROOTS"):
        timestamp.verify(changed, NOTE, [AUTHORITY.root])


def test_two_certificates_by_one_name_are_none() -> None:
    """The set is not signed: whoever adds one with the same issuer and number must not choose who it was."""
    authority = Authority(beside=Authority().certificate)
    with pytest.raises(BrokenEvidence, match="more than one by its name"):
        timestamp.read(authority.answer(timestamp.ask(NOTE).data), NOTE)


def test_sorting_certificates_changes_nothing_else(response: bytes) -> None:
    """An answer that stands as DER has it comes out as it was; what is no answer is refused."""
    assert ordered(response) == response
    for junk in (b"", b"0", b"\x30\x80", response[:-1], Authority(status=REJECTED).answer(b"")):
        with pytest.raises(BrokenEvidence):
            ordered(junk)


@pytest.mark.parametrize(
    ("note", "early"),
    [
        (NOTE, ""),
        (NOTE.replace(b"T12:00", b"T12:15"), ""),
        (NOTE.replace(b"T12:00", b"T12:16"), "2026-09-21T12:16:00+00:00"),
        (NOTE.replace(b"time 2026", b"time yesterday 2026"), ""),
        (NOTE.replace(b"00.000000Z", b"00"), ""),
        (b"\ntime 0001-01-01T00:00:00Z\n", ""),
        (b"", ""),
    ],
)
def test_a_stamp_is_not_well_before_its_checkpoint(response: bytes, note: bytes, early: str) -> None:
    """A quarter of an hour passes; a note without a time that can be read is for others to name."""
    assert timestamp.too_early(timestamp.read(response, NOTE), note) == early


def test_roots_are_read_from_pem(tmp_path: Path) -> None:
    """All of them; none where no file is named; an error that names setting and file otherwise."""
    file = tmp_path / "roots.pem"
    file.write_bytes(AUTHORITY.roots * 2)
    assert timestamp.roots(str(file)) == (AUTHORITY.root, AUTHORITY.root)
    assert timestamp.roots("") == ()
    with pytest.raises(Misconfigured, match=r"TSA_ROOTS: .*No such file"):
        timestamp.roots(str(tmp_path / "none.pem"))
