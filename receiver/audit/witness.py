"""Where each checkpoint is also kept, outside the database: so that the trail cannot be taken back to an older day."""

import asyncio
import contextlib
import os
from pathlib import Path

from receiver.audit.mirror import open_mirror
from receiver.audit.mirroring import Mirroring
from receiver.ledger.glance import sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.log import get_logger
from receiver.settings import Settings

log = get_logger("witness")


class Witness:
    """The newest checkpoint beside a SQLite file, as `<file>.checkpoint`; and every one in the mirror, where one is."""

    def __init__(self, database_url: str, mirroring: Mirroring | None = None) -> None:
        file = sqlite_file(database_url)
        self._file = file.with_name(file.name + ".checkpoint") if file else None
        self._mirroring = mirroring
        self._begun = False

    async def begin(self) -> None:
        """Once, before anything is sealed: what an earlier sealer could not mirror is mirrored now."""
        if self._mirroring is not None and not self._begun:
            await self._mirroring.saw()
        self._begun = True

    async def end(self) -> None:
        """Let go of the mirror."""
        if self._mirroring is not None:
            await self._mirroring.aclose()

    async def saw(self, note: bytes) -> None:
        """Keep it. Where that fails it is said, and tried again: sealing goes on."""
        await self._keep(note)
        if self._mirroring is not None:
            await self._mirroring.saw()

    async def _keep(self, note: bytes) -> None:
        if self._file is not None:
            try:
                await asyncio.to_thread(_write, self._file, note)
            except OSError as error:
                log.warning("the checkpoint was not kept outside the database", file=str(self._file), error=str(error))

    @property
    def place(self) -> str:
        """The file; empty where there is none."""
        return str(self._file) if self._file else ""

    def newest(self) -> bytes | None:
        """The newest checkpoint that was seen; None when there is none, or it cannot be read."""
        with contextlib.suppress(OSError):
            return self._file.read_bytes() if self._file else None
        return None


def open_witness(ledger: Ledger, settings: Settings) -> Witness:
    """The witness of this house, for who seals. Raises Misconfigured."""
    mirror = open_mirror(settings, makes=True)
    return Witness(settings.database_url, Mirroring(ledger, mirror) if mirror else None)


def _write(file: Path, note: bytes) -> None:
    """Whole or not at all."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with draft.open("wb") as out:
        out.write(note)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
