"""What sealing and checking cost, each in a process of its own on one core, with settings from the environment.

python -m benchmarks.evidence seal      seals what waits, and prints JSON: CPU-seconds, seconds
python -m benchmarks.evidence check     `audit verify`, and prints JSON: CPU-seconds of the tree, of all, of HMAC alone
"""

import asyncio
import hmac
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks.processes import Failed
from receiver.audit import check_tree
from receiver.audit.findings import Report
from receiver.audit.seal import open_sealer
from receiver.audit.verify import Verifier
from receiver.ledger.inspection import Inspection, inspect
from receiver.ledger.ledger import Ledger
from receiver.settings import Settings, load
from receiver.storage import Memory
from receiver.wire import tokens


def _clock() -> datetime:
    return datetime.now(UTC)


async def seal(ledger: Ledger, settings: Settings) -> dict[str, float]:
    sealer = open_sealer(ledger, settings, _clock)
    await sealer.sign()  # the tree as it is, and the key: read once in the life of a process
    began, cpu = time.perf_counter(), time.process_time()
    await sealer.work(at_once=True)
    return {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began}


async def check(ledger: Ledger, settings: Settings) -> dict[str, float]:
    """Raises Failed for any finding: what is measured must be the road of what is whole."""
    report, cpu = Report(), time.process_time()
    await Verifier(ledger, Memory(), settings).run(report)
    whole = time.process_time() - cpu
    if report.findings:
        raise Failed(f"audit verify found {len(report.findings)} faults, the first: {report.findings[0]}")
    tree = await inspect(ledger, _tree)
    alone = await inspect(ledger, lambda there: _signatures(there, settings))
    return {"tree": tree, "whole": whole, "alone": alone, "deliveries": float(report.checked["signatures"])}


def _tree(there: Inspection) -> float:
    """CPU-seconds of leaves, tiles and roots; the entries are at hand, as the database is not the tree."""
    rows, stored = list(there.leaves()), list(there.tiles())
    tree, report = check_tree.Tree(frozenset()), Report()

    def look() -> None:
        for _ in check_tree.leaves(rows, tree, report):
            pass
        check_tree.stored_tiles(stored, tree, report)

    return _cpu(look)


def _signatures(there: Inspection, settings: Settings) -> float:
    """CPU-seconds of the bare primitive over the same deliveries: HMAC-SHA256 of each body."""
    known = [
        (tokens.secret(settings.secrets, row.provider, row.job_id or "").encode(), row.body or b"")
        for row in there.deliveries()
    ]
    return _cpu(lambda: [hmac.digest(secret, body, "sha256") for secret, body in known])


def _cpu(work: Callable[[], Any]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


async def _main(what: str) -> None:
    settings = load()
    ledger = Ledger(settings.database_url)
    try:
        print(json.dumps(await (seal if what == "seal" else check)(ledger, settings)))
    finally:
        ledger.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
