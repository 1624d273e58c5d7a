"""Who waits for jobs to end: woken by the ledger's news. However many wait, the ledger is asked once for all."""

import asyncio
from contextlib import suppress

from receiver.errors import TryLater
from receiver.ledger import pulse
from receiver.road import Road

MOST_WAITING = 1000
REST = 0.05
"""Seconds between two looks at least, however much news there is."""
LOOK = 1.0
"""Seconds between two looks without any news."""


class Waiting:
    """Those who wait, by job. `stop` ends every wait."""

    def __init__(self, road: Road, stop: asyncio.Event) -> None:
        self._road, self._stop = road, stop
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def end_of(self, job_id: str, seconds: float) -> None:
        """Until the job has come to its end, the time is over, or this process ends. Raises TryLater: too many wait."""
        if sum(map(len, self._waiting.values())) >= MOST_WAITING:
            raise TryLater(f"at most {MOST_WAITING} may wait in one process at a time; ask without `wait`")
        mine = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(mine)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await mine.wait()
        finally:
            self._leave(job_id, mine)

    def _leave(self, job_id: str, mine: asyncio.Event) -> None:
        others = self._waiting.get(job_id, set())
        others.discard(mine)
        if not others:
            self._waiting.pop(job_id, None)
        if not self._waiting and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        async with self._road.ledger.listening(REST) as ear:
            while not self._stop.is_set():
                with suppress(TryLater):  # the database may be back before the time is over
                    self._wake(await self._ended(sorted(self._waiting)))
                await ear.changed(LOOK, self._stop)
        self._wake(list(self._waiting))

    async def _ended(self, job_ids: list[str]) -> list[str]:
        return await self._road.ledger.read(lambda c: pulse.ended(c, job_ids))

    def _wake(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            for each in self._waiting.get(job_id, ()):
                each.set()
