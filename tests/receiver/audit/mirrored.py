"""A trail with a mirror, in a folder or in a bucket, and a hand in the mirror."""

from dataclasses import dataclass
from pathlib import Path

from receiver.audit.findings import Finding
from receiver.audit.mirror import Kept, Mirror, open_mirror
from receiver.audit.seal import EVERY, Sealer
from receiver.settings import Settings
from tests.receiver.audit.sealing import Trail


@dataclass
class Mirrored(Trail):
    """A ledger with sealers on it that mirror what they sign."""

    @property
    def mirror(self) -> Mirror:
        found = open_mirror(self.settings)
        assert found is not None
        return found

    @property
    def place(self) -> Path:
        """The folder of the mirror, where it is one."""
        return Path(self.settings.checkpoint_mirror_url.removeprefix("file:"))

    def without(self) -> Settings:
        """The settings before there was a mirror."""
        return self.settings.model_copy(update={"checkpoint_mirror_url": ""})

    async def signed(self, sealer: Sealer, count: int = 1) -> None:
        """So many more checkpoints, each of one new order."""
        for _ in range(count):
            self.now += EVERY
            await self.jobs(1)
            await sealer.work()

    async def kept(self) -> list[Kept]:
        """What the mirror has, by its names."""
        return [each for room in await self.mirror.rooms() for each in (await self.mirror.room(room))[0]]

    async def notes(self) -> list[bytes | None]:
        """What the mirror has, as it stands there."""
        return [await self.mirror.get(each) for each in await self.kept()]

    async def found(self) -> list[tuple[str, str]]:
        """Word and place of each finding; the mirror's own names end in their number."""
        return [(each.what, self._short(each)) for each in (await self.check()).findings]

    def _short(self, found: Finding) -> str:
        return found.where.replace(self.mirror.place, "mirror").partition("-")[0]
