"""What a run stands on, made once in its folder: signed requests by the file, databases with their jobs."""

import multiprocessing
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import database, history, signing
from benchmarks.load import pack
from benchmarks.processes import Failed

MAKERS: dict[str, Callable[[int, str], bytes]] = {
    "fal": signing.fal,
    "fireworks": signing.fireworks,
    "plain": signing.plain,
}
BYTES_EACH = 3500
"""What a job with its delivery takes in a history, and half as much again."""
PLAIN = 20_000
"""Requests of the file that starts over: more than any cache holds, and than the naive app takes in a run."""


@dataclass(frozen=True, slots=True)
class Stock:
    """Templates and requests. `files` is where images and fal's key set are served."""

    folder: Path
    files: str
    counts: dict[str, int]
    long: int
    too_large_to_copy: int = 2 * 2**30

    @property
    def template(self) -> Path:
        return self.folder / "template.db"

    @property
    def naive(self) -> Path:
        return self.folder / "naive.db"

    def requests(self, name: str) -> Path:
        return self.folder / f"{name}.requests"

    def make(self) -> None:
        """The files and templates; signing is shared out among the cores."""
        with multiprocessing.get_context("spawn").Pool() as pool:
            for name, count in {**self.counts, "plain": min(PLAIN, self.counts["fireworks"])}.items():
                numbers = [(name, at, min(at + 2000, count), self.files) for at in range(0, count, 2000)]
                with self.requests(name).open("wb") as file:
                    for packed in pool.imap(_packed, numbers):
                        file.write(packed)
        database.fill(f"sqlite:///{self.template}", self.counts)
        fold(self.template)
        database.fill_naive(self.naive, self.counts)
        fold(self.naive)

    def history(self) -> Path:
        """The template with a long history before its jobs; moved, not copied, where it is large."""
        file = self.folder / "history.db"
        if not file.exists():
            if shutil.disk_usage(self.folder).free < self.long * BYTES_EACH:
                raise Failed(f"there is no room on the disk for {self.long:,} deliveries")
            history.make(self.template, file, self.long)
            fold(file)
        return file


def _packed(part: tuple[str, int, int, str]) -> bytes:
    name, first, end, files = part

    def made() -> Iterator[bytes]:
        for number in range(first, end):
            yield MAKERS[name](number, files)

    return b"".join(pack(made()))


def fold(file: Path) -> None:
    """The log into the file, so that a copy of the file is all of it."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
