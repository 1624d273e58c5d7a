"""Retention: jobs that ended long enough ago are purged. Their leaves stay, and the purge itself is one.

First the purge is written down and sealed, then rows and salts are emptied, then files go: whoever dies in between has
lost no evidence, and the next look goes on. See receiver/ledger/purging.py.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from receiver.errors import ProofhookError
from receiver.ledger import purgeable, purging
from receiver.ledger.duties import Duty
from receiver.ledger.ledger import Ledger
from receiver.ledger.purgeable import Ended
from receiver.log import get_logger
from receiver.storage import Storage

MOST = 200
"""Jobs that are purged in one go."""
AT_ONCE = 20
"""Jobs that are emptied in one transaction: the ledger is locked for some milliseconds."""
EVERY = timedelta(days=1)
"""Between two looks for jobs that are old enough."""
PAUSE = 30.0
"""Seconds between two looks for purges that did not come to their end; the sealer needs some in between."""

log = get_logger("purge")


class Purger:
    """Purges jobs of one house."""

    def __init__(self, ledger: Ledger, storage: Storage, clock: Callable[[], datetime]) -> None:
        self._ledger, self._storage, self._clock = ledger, storage, clock

    async def run(self, stop: asyncio.Event, days: int | None) -> None:
        """Until `stop`, while no other process does: finish what was begun and, each day, begin what is due."""
        next_at = self._clock()
        async with Duty(self._ledger, "purge", self._clock) as duty:
            while not stop.is_set():
                if duty.held:
                    next_at = await self._round(days, next_at)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)

    async def _round(self, days: int | None, next_at: datetime) -> datetime:
        now = self._clock()
        try:
            await self.finish()
            # further ahead than a day: the clock has gone back since
            if days is not None and not now < next_at <= now + EVERY:
                more = await self.begin(await self.due(days), f"RETENTION_DAYS={days}")
                return now if more == MOST else now + EVERY
        except ProofhookError as error:
            log.warning("could not purge", error=str(error))
        return next_at

    async def due(self, days: int) -> list[Ended]:
        """The oldest jobs that ended before so many days. Raises LedgerBusy."""
        before = self._clock() - timedelta(days=days)
        return await self._ledger.read(lambda c: purgeable.due(c, before, MOST))

    async def named(self, job_ids: Sequence[str]) -> list[Ended]:
        """These jobs. Raises NoSuchJob, and BadOrder for one that has not ended or is purged."""
        return await self._ledger.read(lambda c: purgeable.named(c, job_ids))

    async def kept(self, jobs: Iterable[Ended]) -> set[str]:
        """Files of these jobs which others need."""
        ids, files = [job.id for job in jobs], {sha256 for job in jobs for sha256 in job.files}
        return await self._ledger.read(lambda c: purgeable.needed(c, files, ids))

    async def begin(self, jobs: Sequence[Ended], why: str) -> int:
        """Write down that they are purged; nothing is gone before that is sealed. Returns how many they are."""
        if jobs:
            kept, now = await self.kept(jobs), self._clock()
            await self._ledger.fact(lambda c: purging.announce(c, jobs, kept, now, why), [job.id for job in jobs])
            log.info("jobs are to be purged", jobs=len(jobs), why=why)
        return len(jobs)

    async def finish(self) -> tuple[int, int]:
        """Empty and remove what may go by now. Returns how many jobs and files went.

        Raises TryLater where ledger or storage do not answer; what is left is done by the next.
        """
        ids = await self._ledger.read(purging.unfinished)
        jobs = files = 0
        for start in range(0, len(ids), AT_ONCE):
            some = await self._some(ids[start : start + AT_ONCE])
            jobs, files = jobs + some[0], files + some[1]
        if jobs:
            log.info("jobs were purged", jobs=jobs, files=files)
        return jobs, files

    async def left(self) -> bool:
        """Whether a purge that was begun has not come to its end."""
        return bool(await self._ledger.read(purging.unfinished))

    async def _some(self, job_ids: Sequence[str]) -> tuple[int, int]:
        now = self._clock()
        emptied = await self._ledger.fact(lambda c: purging.empty(c, job_ids, now), job_ids)
        files = await self._remove({sha256 for names in emptied.values() for sha256 in names})
        await self._ledger.fact(lambda c: purging.done(c, list(emptied)), list(emptied))
        return len(emptied), files

    async def _remove(self, names: set[str]) -> int:
        removed = 0
        for sha256 in names - await self._ledger.read(lambda c: purgeable.needed(c, names)):
            removed += await self._storage.has(sha256)
            await self._storage.delete(sha256)  # where it is gone, what was derived from it may still be there
        return removed
