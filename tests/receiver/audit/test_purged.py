"""What the trail says of purges: in what order they count, and in how many words they are told."""

import json

from receiver.audit import purged
from receiver.audit.purged import Purge
from receiver.ledger.trail_reading import LeafRow


def leaf(n: int, job: str, day: str, why: str = "by hand") -> LeafRow:
    """The leaf of a purge."""
    entry = {"kind": "purge", "ref": job, "sealed_at": "", "salt": "", "hidden": {}}
    return LeafRow(n, "purge", job, b"", json.dumps(entry | {"plain": {"purged_at": day, "why": why}}).encode(), b"")


def test_the_last_purge_of_a_job_counts() -> None:
    """What came after the first was purged by the second; an entry of nonsense is no purge."""
    nonsense = LeafRow(9, "purge", "other", b"", b"nonsense", b"")
    found = purged.read([leaf(3, "job", "2026-01-01"), nonsense, leaf(7, "job", "2026-02-01", "the law")])
    assert found == {"job": Purge(7, "2026-02-01", "the law")}


def test_jobs_of_one_day_and_reason_are_told_together() -> None:
    """One job by its name and entry, several as how many; other days and reasons apart."""
    purges = {name: Purge(n, "2026-01-01T12:00:00Z", "RETENTION_DAYS=9") for n, name in enumerate("abc")}
    purges |= {"d": Purge(4, "2026-01-01T13:00:00Z", "by hand"), "e": Purge(5, "2026-01-02T00:00:00Z", "by hand")}
    assert list(purged.notes(purges, purges)) == [
        "job d was purged on 2026-01-01 (by hand), and that is sealed (entry 4)",
        "job e was purged on 2026-01-02 (by hand), and that is sealed (entry 5)",
        "3 jobs were purged on 2026-01-01 (RETENTION_DAYS=9), and that is sealed",
    ]
    assert list(purged.notes(purges, [])) == []
