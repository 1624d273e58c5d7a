"""Fixtures that start once for the whole run, where temporary files stand, and which tests share a worker."""

import os
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

from tests.objects import objects

__all__ = ["objects"]

TOGETHER = "tests/browser"
FIRST = (
    TOGETHER,
    "tests/crash/test_kills",
    "tests/whole",
    "tests/receiver/ledger/test_climb",
    "tests/crash",
    "tests/deploy",
)
"""What takes longest begins first, or one worker would be busy with it at the end while the others have nothing."""
MEMORY = "/dev/shm"
ROOM = 4 << 30
"""Bytes: eight times what a run has there at its most."""


def _in_memory() -> None:
    """Temporary files stand in memory where there is room and nobody said otherwise: no database waits for a disk."""
    if "TMPDIR" in os.environ or not Path(MEMORY).is_dir():
        return
    there = os.statvfs(MEMORY)
    if os.access(MEMORY, os.W_OK) and there.f_bavail * there.f_frsize >= ROOM and not there.f_flag & os.ST_NOEXEC:
        tempfile.tempdir = os.environ["TMPDIR"] = MEMORY


_in_memory()
# a run starts some three hundred processes, and each would compile the house anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# a shell starts what it puts in the background deaf to Ctrl-C, and we would hand that down to every child
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _one_context() -> Iterator[None]:
    """The authorities that httpx trusts by default are read once, and not for 30 ms by each client."""
    real, usual = ssl.create_default_context, {"cafile": certifi.where()}
    shared = real(cafile=certifi.where())

    def context(*args: Any, **given: Any) -> ssl.SSLContext:
        return shared if not args and given == usual else real(*args, **given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ssl, "create_default_context", context)
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but for the browser's folder, which one worker has as a whole: one browser, one house.

    And files are given out in the order of `pytest_collection_modifyitems`, not by how many tests they have.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # it comes without types
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER if nodeid.startswith(f"{TOGETHER}/") else str(super()._split_scope(nodeid))

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, and otherwise as collected."""

    def place(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))

    items.sort(key=place)
