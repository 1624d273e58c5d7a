"""`audit verify`: all that was sealed against all that is there, and each thing that does not fit by its name."""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from receiver import registry
from receiver.audit import (
    check_files,
    check_outside,
    check_rows,
    check_stamps,
    check_tree,
    entries,
    purged,
    signing,
    timestamp,
)
from receiver.audit.check_mirror import MirrorLook
from receiver.audit.check_outside import Judge
from receiver.audit.check_proofs import Proofs
from receiver.audit.findings import Report
from receiver.audit.mirror import open_mirror
from receiver.audit.notekey import NoteKey, good_name
from receiver.audit.witness import Witness
from receiver.errors import BrokenEvidence, ProofhookError
from receiver.ledger.evidence import KINDS, moment
from receiver.ledger.inspection import Inspection, inspect
from receiver.ledger.ledger import Ledger
from receiver.ledger.trail_reading import LeafRow
from receiver.settings import Settings
from receiver.storage import Storage
from receiver.wire import tokens
from receiver.wire.provider import Provider
from receiver.wire.types import Key, Trust

LONGEST_TOLERANCE = timedelta(days=1)
"""The most that TIMESTAMP_TOLERANCE can be."""
_SIZE_AND_TIME = re.compile(rb"[^\n]*\n([0-9]{1,18})\n[^\n]*\n(?:time )?([ -~]*)")
UNSIGNED = timedelta(minutes=5)
"""How old an entry may be before a checkpoint has it: the sealer signs every few seconds."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Verifier:
    """Where to look, and with which settings of ours."""

    ledger: Ledger
    storage: Storage
    settings: Settings
    clock: Callable[[], datetime] = _now

    async def run(self, report: Report, since: datetime | None = None, *, deep: bool = False) -> None:
        """Fill the report: signatures and images `since` then, all else whole; `deep` reads every file, too.

        Raises LedgerBusy when the database does not answer, Misconfigured where TSA_ROOTS cannot be read, or the
        mirror not be opened.
        """
        loop = asyncio.get_running_loop()
        roots = timestamp.roots(self.settings.tsa_roots)
        trusting, witness = _Trusting(self.settings), Witness(self.settings.database_url)
        mirror, judges = open_mirror(self.settings), list[Judge]()
        seen = witness.newest()  # before the look: it is written after the checkpoint

        def stored(sha256: str) -> bytes | None:
            """From the thread that reads the ledger."""
            return asyncio.run_coroutine_threadsafe(_body(self.storage, sha256), loop).result()

        proofs = Proofs(registry.provider, trusting.trust, trusting.derived, stored)

        emptied: set[tuple[str, str]] = set()

        def look(there: Inspection) -> None:
            trail = Trail(there, self.settings.secrets, self.clock(), report, emptied)
            _safely("trail", report, lambda: judges.append(trail.check(seen, witness.place)))
            _safely("stamps", report, lambda: check_stamps.check(there, roots, report))
            _safely("rows", report, lambda: _strangers(there, report))
            _safely("queue", report, lambda: _waiting(there.queued(), report))
            _safely("deliveries", report, lambda: proofs.check(there.deliveries(since), report, emptied))

        await inspect(self.ledger, look)
        if mirror is not None and judges:
            await MirrorLook(self.ledger, mirror, judges[0], self.clock(), since).run(deep=deep)
        files = await inspect(self.ledger, lambda there: there.images(since))
        pixels = self.settings.max_image_pixels
        await check_files.images(files, self.storage, report, deep=deep, max_pixels=pixels, emptied=emptied)


def _safely(what: str, report: Report, look: Callable[[], None]) -> None:
    """A look that ends at what nobody foresaw is a finding, and the others still happen."""
    try:
        look()
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, ProofhookError) as error:
        report.found("unreadable", what, f"it cannot be checked to its end: {error!r}")


def _strangers(there: Inspection, report: Report) -> None:
    for kind, ref in there.strangers():
        report.found("inserted", f"{kind} {ref}", "it was never sealed, and does not wait to be")


@dataclass(frozen=True, slots=True)
class Trail:
    """The look at tree, checkpoints and the rows that were sealed. `secrets` are ours.

    `emptied` is filled with the kinds and names of the rows that a purge emptied.
    """

    there: Inspection
    secrets: Sequence[bytes]
    now: datetime
    report: Report
    emptied: set[tuple[str, str]]

    def check(self, seen: bytes | None, place: str) -> Judge:
        """`seen` is the checkpoint that is kept in the file `place`. Returns who judges what else is kept outside."""
        there, report, marks = self.there, self.report, self.there.checkpoints()
        trusted = self._keys()
        signed = sorted(_signed(row.note for row in marks))
        tree = check_tree.Tree(frozenset(size for size, _ in signed))
        purges = purged.read(there.purges())
        rows = check_rows.Rows(there.resealed(), there.queued(), there.values, report, signed, purges)
        newest = _Newest()
        rows.check(newest.passing(check_tree.leaves(there.leaves(), tree, report)))
        check_tree.stored_tiles(there.tiles(), tree, report)
        good = check_tree.checkpoints(marks, tree, trusted, report)
        self._unsigned(good, tree.frontier.size, newest)
        judge = Judge(tree, trusted, self.secrets, report)
        check_outside.beside(seen, place, marks, judge)
        for sentence in purged.notes(purges, {ref for kind, ref in rows.emptied if kind == "order"}):
            report.note(sentence)
        self.emptied.update(rows.emptied)
        return judge

    def _keys(self) -> list[NoteKey]:
        rows = self.there.numbered_signers()
        names = {key.vkey.partition("+")[0] for _, key in rows}
        own = {signing.signer(secret, name).key for secret in self.secrets for name in names if good_name(name)}
        return check_tree.keys(rows, own, self.report)

    def _unsigned(self, good: int, size: int, newest: "_Newest") -> None:
        """Entries that no good checkpoint has, although they are old enough for one."""
        if good < size and newest.sealed_at < str(moment(self.now - UNSIGNED)):
            detail = f"no good checkpoint has them, though the last of them is of {newest.sealed_at or 'no known time'}"
            self.report.found("unsigned", f"trail {good} to {size - 1}", detail)


@dataclass(slots=True)
class _Newest:
    """Looks at the time of the last leaf that passes."""

    entry: bytes = b""

    def passing(self, leaves: Iterable[LeafRow]) -> Iterator[LeafRow]:
        for leaf in leaves:
            self.entry = leaf.entry
            yield leaf

    @property
    def sealed_at(self) -> str:
        try:
            return str(entries.read(self.entry)["sealed_at"])
        except BrokenEvidence:
            return ""


def _signed(notes: Iterable[bytes]) -> Iterable[tuple[int, str]]:
    """Sizes and times that checkpoints speak of, believed or not: what they are worth is seen later."""
    for note in notes:
        found = _SIZE_AND_TIME.match(note)
        if found is not None:
            yield int(found[1]), found[2].decode()


def _waiting(queued: Mapping[str, Collection[str]], report: Report) -> None:
    for kind in queued:
        if kind not in KINDS:
            report.found("changed", "unsealed", f"something waits to be sealed as {kind!r}, which is no kind of entry")
    if count := sum(map(len, queued.values())):
        report.note(f"{count} entries wait to be sealed; `proofhook serve` does so every few seconds")


async def _body(storage: Storage, sha256: str) -> bytes | None:
    try:
        return await storage.get(sha256)
    except ProofhookError:
        return None


class _Trusting:
    """What deliveries are verified with: our settings, and for shared secrets what follows from our own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def trust(self, provider: Provider, keys: tuple[Key, ...]) -> Trust:
        """Not stricter than any setting of then may have been: a pin that came later says nothing of before."""
        options = {name: value for name, value in self._settings.options.items() if name in provider.options}
        return Trust(keys=keys, tolerance=LONGEST_TOLERANCE, options=options | {"FAL_USER_ID": ""})

    def derived(self, provider: str, job_id: str) -> list[bytes]:
        return [each.encode() for each in tokens.secrets(self._settings.secrets, provider, job_id)]
