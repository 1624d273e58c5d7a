"""Group commit for arrivals: what comes in while one batch is committed is the next batch.

No timer: a batch goes when the event loop brings nobody more, so that under load batches grow by themselves, and a
lone delivery is committed at once. An answer is given only
after COMMIT (`synchronous=FULL`). A batch that fails is retried one by one, so that one bad row cannot fail others.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from receiver.errors import LedgerBusy
from receiver.ledger.arrivals import Arrival, Recorded

MOST_WAITING = 4096
MOST_IN_BATCH = 256
QUIET_TURNS = 5
"""Turns of the event loop without a newcomer, some ten microseconds each; a transaction costs half a millisecond."""


class Scribe(Protocol):
    """A connection of its own, used by one thread. Opened with the first batch."""

    def write(self, arrivals: Sequence[Arrival]) -> list[Recorded]:
        """One transaction. Raises LedgerBusy where the database does not answer."""

    def close(self) -> None: ...


Waiting = tuple[Arrival, "asyncio.Future[Recorded]"]


class Recorder:
    """The only thread of this process that writes arrivals down."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self._waiting: list[Waiting] = []
        self._draining: asyncio.Task[None] | None = None

    async def record(self, arrival: Arrival) -> Recorded:
        """Written down when this returns. Raises LedgerBusy: too many wait, or the database does not answer."""
        if len(self._waiting) >= MOST_WAITING:
            raise LedgerBusy("too many deliveries wait to be written")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Recorded] = loop.create_future()
        self._waiting.append((arrival, future))
        if self._draining is None or self._draining.get_loop() is not loop:
            self._draining = loop.create_task(self._drain())
        return await future

    def close(self) -> None:
        """Let the batch under way end, then let go of the connection."""
        self._thread.shutdown(wait=True)
        self._scribe.close()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await self._gather()
                batch, self._waiting = self._waiting[:MOST_IN_BATCH], self._waiting[MOST_IN_BATCH:]
                try:
                    written = await loop.run_in_executor(self._thread, self._write, [arrival for arrival, _ in batch])
                except RuntimeError:
                    written = [LedgerBusy("the ledger is stopping")] * len(batch)
                _tell(batch, written)
        finally:
            self._draining = None

    async def _gather(self) -> None:
        """Whoever is on the way to us joins the batch, which goes when a few turns of the loop brought nobody."""
        quiet = 0
        while quiet < QUIET_TURNS and len(self._waiting) < MOST_IN_BATCH:
            before = len(self._waiting)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == before else 0

    def _write(self, arrivals: list[Arrival]) -> list[Recorded | Exception]:
        try:
            return list(self._scribe.write(arrivals))
        except LedgerBusy as busy:
            return [busy] * len(arrivals)
        except Exception as error:  # noqa: BLE001  whatever one arrival raised, each gets its own chance
            return [error] if len(arrivals) == 1 else [each for one in arrivals for each in self._write([one])]


def _tell(batch: Sequence[Waiting], written: Sequence[Recorded | Exception]) -> None:
    for (_, future), result in zip(batch, written, strict=True):
        if future.done():
            continue  # its caller has gone away; what was written stays written
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
