"""Duties: what exactly one process at a time does for all (to reconcile, to seal), held as a lease in a row.

A holder that dies is replaced when its lease is over; one that stops gives the duty back. A process trusts its own
claim for as long as its monotonic clock says, so that one which cannot reach the ledger stops acting in time.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from receiver.errors import TryLater
from receiver.ledger import tables
from receiver.ledger.clocks import reached
from receiver.ledger.news import announce
from receiver.log import get_logger

LEASE = timedelta(seconds=9)
LOOK = 0.5
"""Seconds between two looks whether a duty that another process holds is free."""

log = get_logger("duty")


def is_free(connection: Connection, name: str, now: datetime) -> bool:
    """Whether nobody holds the duty: a look that takes no lock."""
    duty = tables.duty.c
    held = select(duty.name).where(duty.name == name, ~reached(duty.until, _now(connection, now), LEASE))
    return connection.execute(held).first() is None


def take(connection: Connection, name: str, holder: str, now: datetime) -> bool:
    """Take the duty, or keep it. False when another holds it."""
    now, duty = _now(connection, now), tables.duty.c
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    mine = {"holder": holder, "until": now + LEASE}
    insert = dialect.insert(tables.duty).values(name=name, **mine)
    free = or_(duty.holder == holder, reached(duty.until, now, LEASE))
    taken = insert.on_conflict_do_update(index_elements=["name"], set_=mine, where=free)
    return connection.execute(taken).rowcount == 1


def give_up(connection: Connection, name: str, holder: str) -> None:
    """Give the duty back: the next to look has it."""
    connection.execute(tables.duty.delete().where(tables.duty.c.name == name, tables.duty.c.holder == holder))
    announce(connection)


def _now(connection: Connection, now: datetime) -> datetime:
    """A server's clock is the same for all hosts; a file has one host, whose clock is as good as ours."""
    if connection.dialect.name == "postgresql":
        told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return told
    return now


class Claims(Protocol):
    """What a duty needs of the ledger."""

    async def duty_is_free(self, name: str, now: datetime) -> bool: ...
    async def duty_taken(self, name: str, holder: str, now: datetime) -> bool: ...
    async def duty_given_up(self, name: str, holder: str) -> None: ...


class Duty:
    """This process's claim to a duty, kept up while the block lasts; `held` says whether to act."""

    def __init__(self, ledger: Claims, name: str, clock: Callable[[], datetime]) -> None:
        self.name = name
        self.holder = f"{name}-{uuid.uuid4().hex[:12]}"
        self._ledger, self._clock = ledger, clock
        self._until = 0.0
        self._keeping: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        return time.monotonic() < self._until

    async def __aenter__(self) -> Self:
        await self.claim()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        if self.held:
            self._until = 0.0
            try:
                await self._ledger.duty_given_up(self.name, self.holder)
            except TryLater as failure:
                log.warning("duty not given back; it runs out by itself", duty=self.name, error=str(failure))

    async def claim(self) -> None:
        """Take the duty where it is free, or keep it."""
        began, now = time.monotonic(), self._clock()
        try:
            if not self.held and not await self._ledger.duty_is_free(self.name, now):
                return
            taken = await self._ledger.duty_taken(self.name, self.holder, now)
        except TryLater as error:
            log.warning("duty not claimed", duty=self.name, error=str(error))
            return
        if taken and not self.held:
            log.info("duty taken", duty=self.name, holder=self.holder)
        self._until = began + LEASE.total_seconds() if taken else 0.0

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3 if self.held else LOOK)
            await self.claim()
