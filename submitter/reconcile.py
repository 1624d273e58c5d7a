"""The reconciler: asks about jobs whose callback is late, unclear or cannot come, and sends what nobody has sent."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from receiver import acts, registry
from receiver.errors import BadOrder, Misconfigured, Permanent, ProofhookError, Refused, UnknownEndpoint
from receiver.intake import restored
from receiver.ledger.duties import Duty
from receiver.ledger.jobs import LONGEST_WAIT
from receiver.ledger.sending import NOT_YET, SENDING_PAUSE
from receiver.log import get_logger
from receiver.wire import schemes
from receiver.wire.orders import Asking, Call, Heard
from receiver.wire.provider import Pace, Provider
from receiver.wire.types import Delivery, Failure, Kind
from submitter.keys import spending_key
from submitter.submit import Desk

TICK = 0.25
"""Seconds between two looks for chores when there is no news."""
REST = 0.05
"""Seconds between two looks at least, however much news there is."""
MOST_CALLS = 3
"""Calls for one question: fal's takes two (status, then result)."""
AT_ONCE = 20
"""Jobs that are being sent at a time."""
LOOK = timedelta(seconds=1)
"""Between two looks for jobs to send while some provider's are passed over: there may be thousands of those."""
QUESTIONS = "questions"
"""What is under way beside jobs that are sent."""

log = get_logger("reconciler")


class Reconciler:
    """Its answers take the same road as callbacks, so nothing is believed, matched or stored in a second way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._road = desk.road
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._shut: dict[str, datetime] = {}
        self._look_at = datetime.min.replace(tzinfo=UTC)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, while no other reconciler does. A provider that is slow to answer holds up no other."""
        ledger = self._road.ledger
        async with Duty(ledger, "reconcile", self._road.clock) as duty, ledger.listening(REST) as ear:
            try:
                while not stop.is_set():
                    if duty.held:
                        await self._calmly(self._begin)
                    await ear.changed(TICK, stop)
                await self._end()
            finally:
                left = tuple(self._under_way.values())
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

    async def run_once(self) -> None:
        """Do all that is due now, to its end: ask, send the unsent, expire what passed its deadline."""
        await self._begin()
        await self._end()

    async def _begin(self) -> None:
        """Begin all that is due now and not under way."""
        ledger, now = self._road.ledger, self._road.clock()
        if not await ledger.chores(now):
            return
        self._take(QUESTIONS, self._ask_all)
        # further ahead than a pause: the clock has gone back since
        shut = [name for name, until in self._shut.items() if now < until <= now + SENDING_PAUSE]
        if shut and now < self._look_at <= now + LOOK:
            return
        self._look_at = now + LOOK
        for job in await ledger.unsent(now, AT_ONCE, shut):
            if len(self._under_way) <= AT_ONCE:
                self._take(job["id"], partial(self._send, job))

    async def _end(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    def _take(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        if name not in self._under_way:
            task = self._under_way[name] = asyncio.create_task(self._calmly(work))
            task.add_done_callback(lambda _: self._under_way.pop(name))

    async def _calmly(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ProofhookError as error:
            log.warning("reconciler could not work", error=str(error))
        except Exception:
            log.exception("defect in the reconciler")

    async def _ask_all(self) -> None:
        ledger = self._road.ledger
        await asyncio.gather(*map(self._ask, await ledger.questions(self._road.clock())))
        for job_id in await ledger.expired(self._road.clock()):
            log.error("job expired", job=job_id)

    async def _ask(self, job: dict[str, Any]) -> None:
        try:
            provider = registry.provider(job["provider"])
        except ProofhookError:
            log.warning("no such provider is installed any more", job=job["id"], provider=job["provider"])
            return
        try:
            await self._question(provider, job)
        except ProofhookError as error:
            log.warning("question without answer", job=job["id"], provider=provider.name, error=str(error))
        except Exception:
            log.exception("defect in the reconciler", job=job["id"], provider=provider.name)
        now = self._road.clock()
        await self._road.ledger.ask_again(job["id"], now, now + wait(provider.pace, job["asks"] + 1))

    async def _question(self, provider: Provider, job: dict[str, Any]) -> None:
        asking = acts.asking(self._road.settings, provider, job)
        call = provider.ask(asking)
        for _ in range(MOST_CALLS):
            if call is None:
                return
            call = (await self._heard(provider, asking, call)).then

    async def _heard(self, provider: Provider, asking: Asking, call: Call) -> Heard:
        reply = await self._desk.caller.send(provider, call, asking.base, attempts=1)
        delivery = Delivery(provider.name, Kind.ANSWER, asking.job_id, reply.headers, reply.body, self._road.clock())
        verified = schemes.asked(delivery)
        try:
            heard = provider.hear(verified, asking)
        except Refused as refusal:
            await self._road.refused(delivery, refusal)
            raise
        if heard.events:
            recorded = await self._road.believed(provider, verified, heard.events)
            if recorded.refusal is not None:
                raise recorded.refusal
        return heard

    async def _send(self, job: dict[str, Any]) -> None:
        """A row that stands and was never called: ordered for us to send, or left by a submitter that died.

        What can never be sent is claimed as a call is, and has failed. What cannot be sent now says why in its row.
        """
        try:
            provider = self._ready(job["provider"])
            order = await restored(job["order_json"], self._road.storage)
            call = await self._desk.compose(provider, job["id"], provider.prepare(order))
        except (BadOrder, Permanent) as error:
            now = self._road.clock()
            if await self._road.ledger.called(job["id"], now):
                await self._road.ledger.failed(job["id"], Failure(error.slug, str(error)), now)
        except Exception as error:  # noqa: BLE001  the log has it, once
            await self._held_up(job, error)
        else:
            await self._desk.send(provider, job["id"], call)

    def _ready(self, name: str) -> Provider:
        """The provider, where it is installed and its key is here: else none of its jobs is taken up for a while.

        Looked at before the call is claimed: whoever has the key may still make it.
        Raises UnknownEndpoint, Misconfigured.
        """
        try:
            provider = registry.provider(name)
            spending_key(provider)
        except (UnknownEndpoint, Misconfigured):
            self._shut[name] = self._road.clock() + SENDING_PAUSE
            raise
        return provider

    async def _held_up(self, job: dict[str, Any], error: Exception) -> None:
        """It is tried again after a pause; the log has each reason once."""
        why, until = Failure(NOT_YET, _reason(job["provider"], error)), self._road.clock() + SENDING_PAUSE
        if await self._road.ledger.held_up(job["id"], why, until):
            defect = None if isinstance(error, ProofhookError) else error
            log.warning("a job cannot be sent yet", job=job["id"], error=why.message, exc_info=defect)


def _reason(provider: str, error: Exception) -> str:
    """Why a job is not sent yet, and what to do about it."""
    there = "where `proofhook serve` (or the clock process) runs, and restart it"
    match error:
        case Misconfigured():
            return f"{error}. Set it {there}"
        case UnknownEndpoint():
            return f"no provider {provider} is installed: install its plug-in {there}"
        case ProofhookError():
            return str(error)
    return "a defect of ours; the reconciler's log has it"


def wait(pace: Pace, asks: int) -> timedelta:
    """The time from one question to the next: it grows with their number, up to the pace's most (and the ledger's)."""
    most = min(pace.most, LONGEST_WAIT).total_seconds()
    return timedelta(seconds=min(pace.first.total_seconds() * pace.grow ** min(asks, 100), most))
