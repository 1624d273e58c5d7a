"""What the trail says of one job: its entries, the way of each to the root, and the checkpoint over them."""

import base64
from dataclasses import dataclass
from datetime import datetime

from receiver.audit.bundle_facts import Facts, Item, gather
from receiver.audit.merkle import leaf_hash
from receiver.errors import BrokenEvidence, LedgerBusy, TryLater
from receiver.ledger.bundle_reading import read_for_bundle
from receiver.pages.gate import Lobby

MOST = 40
"""Entries that a page shows; a job of one image has five or six."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sealed entry. `hashes` are the siblings from the leaf up to the root (RFC 6962 §2.1.1), in hex."""

    n: int
    what: str
    ref: str
    sealed_at: datetime | None
    leaf: str
    hashes: tuple[str, ...]
    latest: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """`entries` are empty where `problem` says why; `broken` where that is no matter of time."""

    entries: tuple[Entry, ...] = ()
    size: int = 0
    root: str = ""
    note: str = ""
    signed_at: datetime | None = None
    stamped: bool = False
    problem: str = ""
    broken: bool = False

    @property
    def sealed_at(self) -> datetime | None:
        """When the last of them was sealed: from then on nothing of the job can change unseen."""
        return max((each.sealed_at for each in self.entries if each.sealed_at), default=None)

    @property
    def places(self) -> dict[str, int]:
        """What is sealed (`delivery <its id>`, `image <job>/<key>`) → the number of its entry, if it is shown."""
        return {f"{each.what} {each.ref}": each.n for each in self.entries[:MOST] if each.latest}

    @property
    def span(self) -> str:
        """How many, and where they stand: `5 entries between 14,188 and 14,193`."""
        numbers = [each.n for each in self.entries]
        if len(numbers) == 1:
            return f"entry {numbers[0]:,}"
        return f"{len(numbers)} entries between {min(numbers):,} and {max(numbers):,}"


async def proof_of(lobby: Lobby, job_id: str) -> Proof:
    """Every hash is walked up to the signed root before it is shown. Raises LedgerBusy."""
    try:
        facts = await read_for_bundle(lobby.road.ledger, lambda reading: gather(reading, [job_id], frozenset()))
    except LedgerBusy:
        raise
    except TryLater:
        return Proof(problem="Not all of it is sealed yet; `proofhook serve` does so every few seconds, while it runs.")
    except BrokenEvidence as error:
        return Proof(problem=f"{error}".rstrip(".") + ".", broken=True)
    return _proof(facts)


def _proof(facts: Facts) -> Proof:
    note = facts.note.decode("utf-8", "replace")
    _, _, root, *more = note.split("\n")
    at = next((line.removeprefix("time ") for line in more if line.startswith("time ")), "")
    entries = tuple(map(_entry, facts.items))
    return Proof(entries, facts.size, base64.b64decode(root).hex(), note, _moment(at), stamped=facts.stamp is not None)


def _entry(item: Item) -> Entry:
    path = tuple(each.hex() for each in item.hashes)
    at = _moment(str(item.sealed.get("sealed_at")))
    return Entry(item.n, item.kind, item.ref, at, leaf_hash(item.entry).hex(), path, item.latest)


def _moment(text: str) -> datetime | None:
    """A time as the trail has it; None for what is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
