"""`audit verify`: all that was sealed against all that is there, and each thing that does not fit by its name."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from receiver import registry
from receiver.audit import check_files, check_rows, check_tree
from receiver.audit.check_proofs import Proofs
from receiver.audit.findings import Report
from receiver.audit.notekey import NoteKey
from receiver.audit.witness import Witness
from receiver.errors import BrokenEvidence, ProofhookError
from receiver.ledger.inspection import Inspection, inspect
from receiver.ledger.ledger import Ledger
from receiver.settings import Settings
from receiver.storage import Storage
from receiver.wire import tokens
from receiver.wire.provider import Provider
from receiver.wire.types import Key, Trust


@dataclass(frozen=True, slots=True)
class Verifier:
    """Where to look, and with which settings of ours."""

    ledger: Ledger
    storage: Storage
    settings: Settings

    async def run(self, report: Report, since: datetime | None = None, *, deep: bool = False) -> None:
        """Fill the report: signatures and images `since` then, all else whole; `deep` reads every file, too.

        Raises LedgerBusy when the database does not answer.
        """
        loop = asyncio.get_running_loop()
        trusting = _Trusting(self.settings)

        def stored(sha256: str) -> bytes | None:
            """From the thread that reads the ledger."""
            return asyncio.run_coroutine_threadsafe(_body(self.storage, sha256), loop).result()

        proofs = Proofs(registry.provider, trusting.trust, trusting.derived, stored)

        def look(there: Inspection) -> None:
            _trail(there, Witness(self.settings.database_url), report)
            for kind, ref in there.strangers():
                report.found("inserted", f"{kind} {ref}", "it was never sealed, and does not wait to be")
            _waiting(there.queued(), report)
            proofs.check(there.deliveries(since), report)

        await inspect(self.ledger, look)
        files = await inspect(self.ledger, lambda there: there.images(since))
        pixels = self.settings.max_image_pixels
        await check_files.images(files, self.storage, report, deep=deep, max_pixels=pixels)


def _trail(there: Inspection, witness: Witness, report: Report) -> None:
    marks, seen = there.checkpoints(), witness.newest()
    trusted = check_tree.keys(there.signers(), report)
    outside = _outside(seen, trusted, report)
    tree = check_tree.Tree(frozenset(_sizes(row.note for row in marks)) | ({outside[0]} if outside else set()))
    good = check_tree.leaves(there.leaves(), tree, report)
    check_rows.rows(good, there.resealed(), there.values, report)
    check_tree.stored_tiles(there.tiles(), tree, report)
    check_tree.checkpoints(marks, tree, trusted, report)
    if outside is not None and tree.roots.get(outside[0]) != outside[1]:
        detail = f"a checkpoint kept outside the database names {outside[0]} entries with a root that they do not make"
        report.found("rolled back", "trail", detail)
    if seen is not None and seen not in {row.note for row in marks[-2:]}:
        report.found("rolled back", "checkpoint", "the newest one that was kept outside is not the newest in here")
    if tree.frontier.size and not marks:
        report.found("removed", "checkpoint 1", "there are sealed entries, and no checkpoint")


def _sizes(notes: Iterable[bytes]) -> Iterable[int]:
    """The sizes that checkpoints speak of, believed or not: what they are worth is seen later."""
    for note in notes:
        line = note.split(b"\n")[1:2]
        if line and line[0].isdigit() and len(line[0]) < 19:  # noqa: PLR2004  a signed 64-bit number
            yield int(line[0])


def _outside(seen: bytes | None, trusted: Sequence[NoteKey], report: Report) -> tuple[int, bytes] | None:
    if seen is None:
        return None
    try:
        found = check_tree.read(seen, trusted)
    except BrokenEvidence as error:
        report.found("forged", "the checkpoint outside the database", str(error))
        return None
    return found.size, found.root


def _waiting(count: int, report: Report) -> None:
    if count:
        report.noted.append(f"{count} entries wait to be sealed; `proofhook serve` does so every few seconds")


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
        options = {name: value for name, value in self._settings.options.items() if name in provider.options}
        return Trust(keys=keys, tolerance=self._settings.tolerance, options=options)

    def derived(self, provider: str, job_id: str) -> list[bytes]:
        return [each.encode() for each in tokens.secrets(self._settings.secrets, provider, job_id)]
