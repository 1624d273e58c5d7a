"""Real processes of `proofhook serve`, and a look at them through /proc."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from receiver.settings import Settings
from submitter.cli.serve import Part
from tests.submitter.desk import KEYS

T = TypeVar("T")
PATIENCE = 20.0
ROOT = Path(__file__).parents[2]


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """The first thing that `look` finds; the failure of the test when it finds nothing in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@dataclass
class Serving:
    """A `serve` that was started: the supervisor, and what its parts write to stderr."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def parts(self) -> dict[Part, int] | None:
        """The processes of the parts, when all three are there."""
        found: dict[Part, int] = {}
        for pid in children(self.process.pid):
            with suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                found |= {part: pid for part in Part if f"--only={part.value}" in command}
        return found if len(found) == len(Part) else None

    def ready(self) -> bool | None:
        with suppress(httpx.HTTPError):
            answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False, timeout=5)
            return True if answer.status_code == httpx.codes.OK else None
        assert self.process.poll() is None, self.log.read_text()
        return None


def children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if int(_stat(int(folder.name))[1]) == parent:
                found.append(int(folder.name))
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has fetched yet has, too."""
    try:
        return _stat(pid)[0] in "ZX"
    except OSError:
        return True


def _stat(pid: int) -> list[str]:
    """State, parent and so on: what stands behind the name in /proc/<pid>/stat (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def environment(folder: Path, port: int) -> dict[str, str]:
    """Nothing of ours but what is meant: keys to spend, a database and a storage in the folder, a port."""
    ours = {name.upper() for name in Settings.model_fields}
    plain = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("COV")}
    places = {"DATABASE_URL": f"sqlite:///{folder}/ledger.db", "STORAGE_URL": f"file:{folder}/images"}
    return plain | KEYS | places | {"PORT": str(port), "HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}


@contextmanager
def serving(folder: Path, *options: str, port: int | None = None, **more: str) -> Iterator[Serving]:
    """Start `serve` in a folder of its own, with more settings; whatever happens, nothing of it is left."""
    port, log = port or free_port(), folder / "log"
    command = [sys.executable, "-m", "submitter.cli", "serve", *options]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder, port) | more, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    known: set[int] = set()
    try:
        yield Serving(process, port, log)
    finally:
        known |= set(children(process.pid))
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        for pid in {process.pid, *known}:
            with suppress(ProcessLookupError):
                if not gone(pid):
                    os.kill(pid, signal.SIGKILL)
        process.wait()
