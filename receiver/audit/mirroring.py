"""Keeps the mirror up with the database, behind the sealer's back: it waits for nobody, and leaves nothing out.

Checkpoints are put in their order, one after another: the mirror has all up to some number, so that whoever comes next,
here or in another process, looks up that number and goes on from there.
"""

import asyncio

from receiver.audit.mirror import ROOM, Mirror, digest
from receiver.errors import BrokenEvidence, ProofhookError, TooLarge
from receiver.ledger import checkpoint_reading
from receiver.ledger.checkpoint_reading import Numbered
from receiver.ledger.ledger import Ledger
from receiver.log import get_logger

AGAIN = 5.0
"""Seconds between two tries while the mirror is away."""
PATIENCE = 1.0
"""Seconds that the sealer waits for a checkpoint to be mirrored; it is mirrored all the same when that takes longer."""
AT_ONCE = 100
"""Checkpoints read from the database in one go."""
LOOK_BACK = 10
"""Folders of the mirror, of a thousand numbers each, in which a common checkpoint is looked for after a roll-back."""

log = get_logger("mirror")


class Mirroring:
    """One task puts what is behind; `saw` starts it."""

    def __init__(self, ledger: Ledger, mirror: Mirror) -> None:
        self._ledger, self._mirror = ledger, mirror
        self._behind = False
        self._task: asyncio.Task[None] | None = None
        self._last: Numbered | None = None
        self._away = False

    async def saw(self) -> None:
        """There may be news. Returns when the mirror has it, or after a second: sealing goes on whatever happens."""
        self._behind = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            await asyncio.wait({self._task}, timeout=PATIENCE)

    async def aclose(self) -> None:
        """Give up what is under way: whoever seals next goes on with it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        """Until nothing is behind any more."""
        while self._behind:
            self._behind = False
            try:
                count = await self._catch_up()
            except Exception as error:  # noqa: BLE001  whatever it is, it must not end before the mirror has all
                self._behind = True
                self._say_away(str(error) if isinstance(error, ProofhookError) else repr(error))
                await asyncio.sleep(AGAIN)
            else:
                self._say_back(count)

    def _say_away(self, error: str) -> None:
        """Once: the sealer seals every two seconds."""
        if not self._away:
            log.warning("checkpoints are not mirrored for now; sealing goes on", mirror=self._mirror.place, error=error)
        self._away = True

    def _say_back(self, count: int) -> None:
        if self._away:
            log.info("checkpoints are mirrored again", mirror=self._mirror.place, caught_up=count)
        self._away = False

    async def _catch_up(self) -> int:
        """Put every checkpoint behind the last one that the mirror has; returns how many."""
        count = 0
        while (last := self._last or await self._settled()) is not None:
            self._last = last
            rows = await self._rows(last[0], (1 << 63) - 1, AT_ONCE)
            if rows[:1] != [last]:  # the database was changed under our hands
                self._last = None
                continue
            new = [await self._put(row) for row in rows[1:]]
            count += sum(new)
            if len(rows) < AT_ONCE:
                break
            if not any(new):  # somebody else is far ahead
                self._last = None
        return count

    async def _put(self, row: Numbered) -> bool:
        """Put one. What stands in its place is left alone, and is for `audit verify` to name."""
        try:
            put = await self._mirror.put(*row)
        except (BrokenEvidence, TooLarge) as error:
            log.warning("the mirror was changed; see `proofhook audit verify`", error=str(error))
            put = False
        self._last = row
        return put

    async def _settled(self) -> Numbered | None:
        """The last checkpoint that both have; where the mirror is new, the database's newest, which is put first."""
        newest: int | None = None
        for room in (await self._mirror.rooms())[: -LOOK_BACK - 1 : -1]:
            kept, _ = await self._mirror.room(room)
            newest = kept[-1].n if kept and newest is None else newest
            names = {(each.n, each.sha256) for each in kept}
            rows = await self._rows(room * ROOM, room * ROOM + ROOM - 1, ROOM)
            if common := [row for row in rows if (row[0], digest(row[1])) in names]:
                self._compared(common[-1][0], newest)
                return common[-1]
        self._compared(0, newest)
        last = await self._ledger.read(checkpoint_reading.newest)
        if last is not None:
            await self._put(last)
        return last

    def _compared(self, common: int, newest: int | None) -> None:
        if newest is not None and newest > common:
            place = self._mirror.place
            log.error(
                "the mirror has checkpoints that the database has not; see `proofhook audit verify`", mirror=place
            )

    async def _rows(self, low: int, high: int, limit: int) -> list[Numbered]:
        return await self._ledger.read(lambda c: checkpoint_reading.between(c, low, high, limit))
