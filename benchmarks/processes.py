"""Child processes: pinned to cores, waited for, their CPU and memory read from /proc, all of them ended at the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
"""Seconds in which a server must answer."""
GRACE = 5.0
"""Seconds that children have to end, all together, before they are killed."""
TICK = os.sysconf("SC_CLK_TCK")
_ALL = sorted(os.sched_getaffinity(0))
SERVER = {_ALL[0]}
GENERATOR = {_ALL[1 % len(_ALL)]}
EVERY = set(_ALL)


class Failed(Exception):
    """A variant cannot be measured; the sentence says why."""


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """What is started in here runs on these cores: children inherit the affinity of the thread that starts them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """No setting of whoever runs the benchmark reaches a server; only where Python and its programs are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(part for part in (os.environ.get("PYTHONPATH", ""), str(ROOT)) if part)
    return {**kept, "PYTHONPATH": path, **(more or {})}


def python(*words: object) -> list[str]:
    return [sys.executable, *map(str, words)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@dataclass(slots=True)
class Children:
    """Every process that a run has started; leaving the block ends them all.

    Each in a group of its own, all in one session, as `serve` starts its parts: between sessions Linux shares a core
    out evenly (sched(7), autogroup), whatever the nice values.
    """

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end(*self.running)

    def start(
        self, name: str, command: Sequence[str], cores: set[int], more: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Its output goes to NAME.log in the folder."""
        with pinned(cores), (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment(more), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                process_group=0,
            )  # fmt: skip
        self.running.append(process)
        return process

    def up(self, name: str, process: subprocess.Popen[bytes], port: int) -> None:
        """Until it listens. Raises Failed with the end of its log."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        said = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
        raise Failed(f"{name} did not start: {said[-1] if said else 'it said nothing'}")

    def end(self, *processes: subprocess.Popen[bytes]) -> None:
        for process in processes:
            for number in (signal.SIGCONT, signal.SIGTERM):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
        deadline = time.monotonic() + GRACE
        for process in processes:
            try:
                process.wait(max(deadline - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running = [each for each in self.running if each not in processes]


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += parents.get(one, [])
    return found


def cpu(pids: Sequence[int]) -> float:
    """CPU-seconds of these processes and all below them, those that have ended and were waited for included."""
    total = 0
    for pid in {each for one in pids for each in tree(one)}:
        if fields := _stat(pid):
            total += sum(int(each) for each in fields[11:15])
    return total / TICK


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from `state` on (proc(5): the name before may hold blanks)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def run_cpu(pid: int) -> float:
    """CPU-seconds of the threads of one process, to the nanosecond (no thread may have ended)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory(pid: int, name: str) -> int:
    """A line of /proc/PID/status in bytes: VmRSS now, VmHWM at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def forget_peak(pid: int) -> None:
    """VmHWM begins anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
