"""The keys under our checkpoints, one after another: which, since when, and which of our secrets they follow from."""

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.audit import note, signing
from receiver.audit.notekey import NoteKey, read_vkey
from receiver.errors import BrokenEvidence
from receiver.ledger import checkpoint_reading
from receiver.ledger.archive import Archive
from receiver.ledger.ledger import Ledger

IN_USE, PAST, NEXT = "in use", "past", "next"
_TIME = "time "


@dataclass(frozen=True, slots=True)
class OurKey:
    """A key of ours. `state`: `in use`, `past`, or `next`: its secret is set, and the next checkpoint is its first.

    `since` is the time in its first checkpoint (RFC 3339), None before there is one; `held`: its secret is here.
    """

    vkey: str
    state: str
    since: str | None
    held: bool


async def lineage(ledger: Ledger, secrets: Sequence[bytes], name: str) -> list[OurKey]:
    """Every key, the first first; `name` is that of a trail which is not begun yet.

    Raises LedgerBusy, BrokenEvidence for a key that is none.
    """
    known = await Archive(ledger).signers()
    keys = [read_vkey(each.vkey) for each in known]
    ours = [signing.signer(secret, keys[0].name if keys else name).key for secret in secrets]
    since = [await _first(ledger, keys[place:]) for place in range(len(keys))]
    found = [
        OurKey(key.vkey(), IN_USE if key == keys[-1] else PAST, _time(first), key in ours)
        for key, first in zip(keys, since, strict=True)
    ]
    if ours[-1] not in keys:
        found.append(OurKey(ours[-1].vkey(), NEXT, None, True))
    return found


async def _first(ledger: Ledger, keys: Sequence[NoteKey]) -> bytes | None:
    """The first checkpoint of one of these keys: behind it there is none of a key before them."""
    return await ledger.read(lambda c: checkpoint_reading.first(c, lambda data: _signed_by(data, keys)))


def _signed_by(data: bytes, keys: Sequence[NoteKey]) -> bool:
    """Whether a note is signed by one of these keys, as its lines say: nothing is verified here."""
    names = {(key.name, key.id) for key in keys}
    try:
        return any((each.name, each.id) in names for each in note.parse(data).signatures)
    except BrokenEvidence:
        return False


def _time(data: bytes | None) -> str | None:
    lines = data.decode().split("\n") if data else []
    return next((line.removeprefix(_TIME) for line in lines if line.startswith(_TIME)), None)
