"""`audit export`: the evidence of some jobs as one file that anybody can check without us."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from receiver.audit import bundle_files
from receiver.audit.bundle_echoes import echoes
from receiver.audit.bundle_facts import NOT_HELD, Facts, gather
from receiver.audit.bundle_names import place
from receiver.audit.bundle_reveals import Row, reveals
from receiver.audit.redaction import left_out
from receiver.audit.stranger.archive import LARGEST, NAME, pack
from receiver.audit.stranger.check import check
from receiver.errors import BadOrder, BrokenEvidence
from receiver.ledger.bundle_reading import read_for_bundle
from receiver.ledger.ledger import Ledger
from receiver.settings import Settings
from receiver.storage import Storage


@dataclass(frozen=True, slots=True)
class Bundle:
    """The file's bytes, what it tells (what, of what), what it leaves out, what of that stands in it elsewhere, and
    what is not held any more.
    """

    data: bytes
    reveals: list[Row]
    left_out: list[str]
    echoes: list[str]
    lost: list[str]


async def export(
    ledger: Ledger, storage: Storage, settings: Settings, jobs: Sequence[str], redact: Sequence[str] = ()
) -> Bundle:
    """The same jobs give the same bytes, as long as nothing more is sealed about them.

    Raises BadOrder, TryLater where something is not sealed yet, Misconfigured without the key, and BrokenEvidence where
    the ledger does not make a bundle that verifies.
    """
    gone = left_out(redact)
    ids = tuple(dict.fromkeys(jobs))
    facts = await read_for_bundle(ledger, lambda reading: gather(reading, ids, gone))
    files = await bundle_files.build(facts, storage, settings.secrets, settings.timestamp_tolerance)
    if sum(map(len, files.values())) > LARGEST * 9 // 10:
        raise BadOrder("the bundle would be too large to be checked; export fewer jobs, or --redact pictures")
    report = check(files)
    if report.findings or not all(map(NAME.fullmatch, files)):
        found = ": ".join(report.findings[0]) if report.findings else "a name that no file can have"
        raise BrokenEvidence(f"the bundle would not verify ({found}); see what `proofhook audit verify` says")
    pictures = sum(name.startswith("pictures/") for name in files)
    told = reveals(facts, pictures)
    return Bundle(b"".join(pack(files)), told, sorted(gone), echoes(facts, files), _lost(facts, files))


def _lost(facts: Facts, files: bundle_files.Files) -> list[str]:
    found = []
    for item in (each for each in facts.items if each.latest):
        reasons = json.loads(files[f"{place(item)}/proof.json"])["left_out"]
        found += [f"{item.kind} {item.ref}: {name}" for name, why in reasons.items() if why == NOT_HELD]
    return found
