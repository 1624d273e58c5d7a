"""Our keys: each follows from a secret, and is believed behind the one before it when both have signed that."""

from datetime import UTC, datetime

import pytest

from receiver.audit import note, signing
from receiver.errors import BrokenEvidence
from receiver.ledger.trail import SignerKey

NAME = "a/trail"
AT = datetime(2026, 3, 1, tzinfo=UTC)
ONE, TWO, THREE = (bytes([each]) * 32 for each in (1, 2, 3))
FIRST, SECOND, THIRD = (signing.signer(secret, NAME) for secret in (ONE, TWO, THREE))
BEGIN = SignerKey(FIRST.key.vkey(), None)
NEXT = SignerKey(SECOND.key.vkey(), signing.vouch(FIRST, SECOND, AT))


def word(*lines: str) -> bytes:
    return note.sign("".join(f"{line}\n" for line in lines), [FIRST, SECOND])


def test_a_key_follows_from_its_secret_and_nothing_else() -> None:
    """The same secret gives the same key under every name; another gives another."""
    assert signing.signer(ONE, "b").key.public == FIRST.key.public
    assert len({each.key.public for each in (FIRST, SECOND, THIRD)}) == 3


def test_a_chain_is_believed() -> None:
    """The first by itself, the next by the word of both."""
    last = SignerKey(THIRD.key.vkey(), signing.vouch(SECOND, THIRD, AT))
    assert signing.chain([BEGIN, NEXT, last]) == [FIRST.key, SECOND.key, THIRD.key]


@pytest.mark.parametrize(
    "key",
    [
        SignerKey("junk", None),
        SignerKey(SECOND.key.vkey(), None),
        SignerKey(SECOND.key.vkey(), b"junk"),
        SignerKey(SECOND.key.vkey(), signing.vouch(THIRD, SECOND, AT)),
        SignerKey(FIRST.key.vkey(), signing.vouch(FIRST, FIRST, AT)),
        SignerKey(SECOND.key.vkey(), note.sign("proofhook signer\nx\n", [FIRST])),
        SignerKey(SECOND.key.vkey(), word("proofhook signer", SECOND.key.vkey(), f"follows {THIRD.key.vkey()}")),
        SignerKey(SECOND.key.vkey(), word("another title", SECOND.key.vkey(), f"follows {FIRST.key.vkey()}")),
    ],
)
def test_a_key_that_not_both_vouch_for_is_refused(key: SignerKey) -> None:
    """By nobody, by one of them only, by another, twice the same, or in a note about something else."""
    with pytest.raises(BrokenEvidence):
        signing.chain([BEGIN, key])


def test_the_first_key_follows_on_none() -> None:
    """Where it says that it does, those before it were taken out."""
    with pytest.raises(BrokenEvidence, match="first key"):
        signing.chain([NEXT])


def test_the_newest_secret_is_introduced_once() -> None:
    """A new trail begins with it; later the last key signs it, while its secret is there."""
    begun = signing.introduce([ONE], [], NAME, AT)
    assert begun == BEGIN
    assert signing.introduce([ONE], [BEGIN], NAME, AT) is None
    assert signing.introduce([THREE, ONE, TWO], [BEGIN], NAME, AT) == NEXT
    with pytest.raises(BrokenEvidence, match="PROOFHOOK_SECRET"):
        signing.introduce([TWO], [BEGIN], NAME, AT)
