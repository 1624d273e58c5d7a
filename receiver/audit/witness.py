"""Where each checkpoint is also kept, outside the database: so that the trail cannot be taken back to an older day."""

import asyncio
import contextlib
import os
from pathlib import Path

import structlog

from receiver.ledger.glance import sqlite_file

log = structlog.get_logger("witness")


class Witness:
    """The newest checkpoint beside a SQLite file, as `<file>.checkpoint`; nothing with a database server."""

    def __init__(self, database_url: str) -> None:
        file = sqlite_file(database_url)
        self._file = file.with_name(file.name + ".checkpoint") if file else None

    async def saw(self, note: bytes) -> None:
        """Keep it. Where that fails it is said, and the next checkpoint tries again: sealing goes on."""
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


def _write(file: Path, note: bytes) -> None:
    """Whole or not at all."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with draft.open("wb") as out:
        out.write(note)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
