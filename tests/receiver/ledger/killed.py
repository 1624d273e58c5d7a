"""Run by test_schema and test_ledger as a process of its own: `start URL` or `record URL JOB`."""

import asyncio
import itertools
import sys

from receiver.ledger.ledger import Ledger
from receiver.wire.types import Event, Outcome
from tests.receiver.ledger import ledgers


def start(database_url: str) -> None:
    """Open the ledger when told to, so that several start at once."""
    print("ready", flush=True)  # noqa: T201  the parent reads it
    sys.stdin.readline()
    Ledger(database_url).close()
    print("started", flush=True)  # noqa: T201


async def record(database_url: str, job_id: str) -> None:
    """Record event after event until killed; print the name of each that was acknowledged."""
    ledger = Ledger(database_url)

    async def one(number: int) -> None:
        for round_ in itertools.count():
            name = f"{number}-{round_}"
            event = Event(name, ledgers.REQUEST, Outcome.PROGRESS)
            heard = await ledger.record(ledgers.arrival(job_id, event, body=name.encode()))
            print(name, "twice" if heard.duplicate else "once", flush=True)  # noqa: T201

    await asyncio.gather(*map(one, range(8)))


if __name__ == "__main__":
    what, url, *rest = sys.argv[1:]
    if what == "start":
        start(url)
    else:
        asyncio.run(record(url, *rest))
