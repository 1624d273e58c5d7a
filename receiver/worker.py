"""The worker: lease a task → fetch the image, or take what is staged → check → settle. Kill it whenever you like."""

import asyncio
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from receiver.collect import collect
from receiver.errors import NotAnImage, Permanent, ProofhookError, TooLarge, Transient, TryLater
from receiver.fetch import Fetcher
from receiver.ledger.tasks import LEASE, Task
from receiver.log import get_logger
from receiver.road import Road
from receiver.thumbs import Thumbs

MOST_ATTEMPTS = 8
OUR_FAULT = timedelta(seconds=5)
"""The wait after a full disk or the like; such an attempt does not count."""
AT_ONCE = 8
LAST_MOMENT = 3.0
"""Seconds that a worker which stops leaves to what is under way."""
BREATH = 0.05
"""Seconds between two leases while there is work: fewer transactions of ours in the way of callbacks."""
REST = 0.01
"""Seconds between two looks at least, however much news there is."""
PEEK = 0.5
"""Seconds between two looks for due tasks when there is no news: what was put off becomes due in silence."""

log = get_logger("worker")


class Worker:
    """Collects images until told to stop. `jitter` gives a number in [0.5, 1) and is an argument for tests."""

    def __init__(self, road: Road, fetcher: Fetcher, jitter: Callable[[], float] | None = None) -> None:
        self.name = f"worker-{uuid.uuid4().hex[:12]}"
        self._road = road
        self._fetcher = fetcher
        self._jitter = jitter or partial(random.uniform, 0.5, 1.0)
        self._held: set[Task] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.thumbs = Thumbs(road)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; then finish what is under way for a moment and give the rest back."""
        running: set[asyncio.Task[None]] = set()
        aside = [asyncio.create_task(self._renew()), asyncio.create_task(self.thumbs.run(self._idle))]
        try:
            async with self._road.ledger.listening(REST) as ear:
                while not stop.is_set():
                    running = {task for task in running if not task.done()}
                    taken = await self._take(AT_ONCE - len(running))
                    running |= {asyncio.create_task(self.work(task)) for task in taken}
                    await (_either(stop, BREATH) if taken else ear.changed(PEEK, stop))
            if running:
                await asyncio.wait(running, timeout=LAST_MOMENT)
        finally:
            for each in (*aside, *running):
                each.cancel()
            await asyncio.gather(*running, *aside, return_exceptions=True)
            await self._give_back()

    async def _give_back(self) -> None:
        try:
            await self._road.ledger.given_back(self.name)
        except TryLater as error:
            log.warning("leases not given back; they run out by themselves", error=str(error))

    async def run_once(self) -> int:
        """Do all that is due now, once. Returns how many tasks were worked on."""
        taken = await self._take(AT_ONCE)
        await asyncio.gather(*map(self.work, taken))
        return len(taken)

    async def _take(self, room: int) -> list[Task]:
        now = self._road.clock()
        try:
            if room <= 0 or not await self._road.ledger.is_due(now):
                return []
            taken = await self._road.ledger.leased(self.name, now, now + LEASE, room)
        except TryLater as error:
            log.warning("ledger does not answer", error=str(error))
            return []
        mine = {(task.job_id, task.image_key) for task in self._held}
        # a clock that jumped ahead ends our own leases, too: what we are at is not begun a second time
        return [task for task in taken if (task.job_id, task.image_key) not in mine]

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                await self._road.ledger.renewed(self.name, list(self._held), self._road.clock() + LEASE)
            except TryLater as error:
                log.warning("leases not renewed", error=str(error))

    async def work(self, task: Task) -> None:
        """One attempt. Where its end cannot be written down, its lease runs out and the task is anybody's again."""
        self._held.add(task)
        self._idle.clear()
        try:
            await self._attempt(task)
        except TryLater as error:
            log.warning("the ledger did not take the end of an attempt", job=task.job_id, error=str(error))
        finally:
            self._held.discard(task)
            if not self._held:
                self._idle.set()

    async def _attempt(self, task: Task) -> None:
        if task.sha256 is not None:
            await self._road.ledger.taken(task)
            self.thumbs.want(task.sha256)
            return
        if task.attempts > MOST_ATTEMPTS:  # each of them took its worker down before it could say why
            await self._bury(task, f"{task.attempts - 1} workers died, or were cut off, while they worked on it")
            return
        try:
            image = await collect(self._road, self._fetcher, task)
        except (NotAnImage, TooLarge, Permanent) as error:
            await self._spoiled(task, error)
        except TryLater as error:
            await self._road.ledger.put_off(task, str(error), self._road.clock() + OUR_FAULT, spent=False)
            log.warning("cannot collect", job=task.job_id, error=str(error))
        except Transient as error:
            await self._later(task, str(error))
        except Exception:
            log.exception("defect in the worker", job=task.job_id)
            await self._later(task, "a defect of ours; the worker's log has it")
        else:
            fresh = await self._road.ledger.stored(task, image, self._road.clock())
            self.thumbs.want(image.sha256)
            log.info("image stored", job=task.job_id, provider=task.provider, by=image.arrived_by, fresh=fresh)

    async def _spoiled(self, task: Task, error: ProofhookError) -> None:
        """Staged bytes that are no picture may still come by URL; a URL's that do not decode, by the next attempt."""
        if task.staged_sha256 is not None:
            await self._road.ledger.unstaged(task)
        if task.url is not None and (task.staged_sha256 is not None or isinstance(error, NotAnImage)):
            await self._later(task, str(error))
        else:
            await self._bury(task, str(error))

    async def _later(self, task: Task, error: str) -> None:
        if task.attempts >= MOST_ATTEMPTS:
            await self._bury(task, f"after {task.attempts} attempts: {error}")
            return
        now = self._road.clock()
        await self._road.ledger.put_off(task, error, now + self._wait(task, now))
        log.warning("attempt failed", job=task.job_id, attempt=task.attempts, error=error)

    async def _bury(self, task: Task, error: str) -> None:
        await self._road.ledger.buried(task, error, self._road.clock())
        log.error("dead letter", job=task.job_id, error=error, mend=f"proofhook retry {task.job_id}")

    def _wait(self, task: Task, now: datetime) -> timedelta:
        """Doubling waits with jitter, at most a minute, and never more than a third of the URL's remaining life."""
        wait = timedelta(seconds=min(2.0 ** (task.attempts - 1), 60) * self._jitter())
        if task.expires_at is not None and task.expires_at > now:
            wait = min(wait, (task.expires_at - now) / 3)
        return wait


async def _either(stop: asyncio.Event, seconds: float) -> None:
    """Until `stop` is set or the time is over."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
