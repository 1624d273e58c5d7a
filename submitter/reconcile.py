"""The reconciler: asks about jobs whose callback is late, unclear or cannot come; sends what a dead submitter left."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver import registry
from receiver.errors import BadOrder, Permanent, ProofhookError, Refused
from receiver.ledger.duties import Duty
from receiver.ledger.jobs import LONGEST_WAIT
from receiver.log import get_logger
from receiver.wire import schemes
from receiver.wire.orders import Asking, Call, Heard
from receiver.wire.provider import Pace, Provider
from receiver.wire.types import Delivery, Failure, Kind
from submitter.intake import restored
from submitter.keys import spending_key
from submitter.submit import Desk

TICK = 0.25
"""Seconds between two looks for chores when there is no news."""
REST = 0.05
"""Seconds between two looks at least, however much news there is."""
MOST_CALLS = 3
"""Calls for one question: fal's takes two (status, then result)."""
SENDING_PAUSE = timedelta(seconds=10)
"""When a job left unsent could not be sent now, for want of its key perhaps, the next try waits for this."""

log = get_logger("reconciler")


class Reconciler:
    """Its answers take the same road as callbacks, so nothing is believed, matched or stored in a second way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._road = desk.road
        self._send_at = datetime.min.replace(tzinfo=UTC)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, while no other reconciler does."""
        ledger = self._road.ledger
        async with Duty(ledger, "reconcile", self._road.clock) as duty, ledger.listening(REST) as ear:
            while not stop.is_set():
                if duty.held:
                    await self._round()
                await ear.changed(TICK, stop)

    async def _round(self) -> None:
        try:
            await self.run_once()
        except ProofhookError as error:
            log.warning("reconciler could not work", error=str(error))

    async def run_once(self) -> None:
        """Do all that is due now: ask, send the unsent, expire what passed its deadline."""
        ledger, now = self._road.ledger, self._road.clock()
        if not await ledger.chores(now):
            return
        await asyncio.gather(*map(self._ask, await ledger.questions(now)))
        # further ahead than a pause: the clock has gone back since
        pausing = now < self._send_at <= now + SENDING_PAUSE
        if not pausing and not all(await asyncio.gather(*map(self._send, await ledger.unsent(now)))):
            self._send_at = now + SENDING_PAUSE
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
        asking = Asking(
            job_id=job["id"],
            base=self._desk.base(provider),
            model=job["model"],
            request_id=job["request_id"],
            links=job["links"],
            expected=job["expected"],
            upload=job["upload"],
        )
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

    async def _send(self, job: dict[str, Any]) -> bool:
        """A row that stands and was never called: its submitter died before the call, so the call is ours to make.

        False when it could not be made now. What can never be sent is claimed as a call is, and has failed.
        """
        try:
            provider = registry.provider(job["provider"])
            spending_key(provider)  # before the call is claimed: whoever has the key may still make it
            order = await restored(job["order_json"], self._road.storage)
            call = await self._desk.compose(provider, job["id"], provider.prepare(order))
            await self._desk.send(provider, job["id"], call)
        except (BadOrder, Permanent) as error:
            now = self._road.clock()
            if await self._road.ledger.called(job["id"], now):
                await self._road.ledger.failed(job["id"], Failure(error.slug, str(error)), now)
        except ProofhookError as error:
            log.warning("a job that was never sent cannot be sent", job=job["id"], error=str(error))
            return False
        except Exception:
            log.exception("defect in the reconciler", job=job["id"])
            return False
        return True


def wait(pace: Pace, asks: int) -> timedelta:
    """The time from one question to the next: it grows with their number, up to the pace's most (and the ledger's)."""
    most = min(pace.most, LONGEST_WAIT).total_seconds()
    return timedelta(seconds=min(pace.first.total_seconds() * pace.grow ** min(asks, 100), most))
