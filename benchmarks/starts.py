"""The start of the web process: CPU and memory until /healthz answers, against importing what it could stand on."""

import re
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.goals import Goal
from benchmarks.processes import PATIENCE, SERVER, Failed, environment, free_port, memory, pinned, python, run_cpu
from benchmarks.servers import Place, settings

IMPORTS = (
    "starlette.applications", "starlette.routing", "starlette.responses", "uvicorn", "uvloop", "httptools", "httpx",
    "cryptography.hazmat.primitives.asymmetric.ed25519", "sqlmodel",
)  # fmt: skip
CPU = Goal("start", "web process until it answers / importing the five, CPU", 0.5, least=False)
RSS = Goal("start-memory", "memory of the web process when it answers", 60, "MB", least=False)
GOALS = (CPU, RSS)
ASK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def measure(place: Place, count: int) -> list[dict[str, Any]]:
    folder = place.children.folder / "start"
    folder.mkdir()
    shutil.copy(place.stock.template, folder / "proofhook.db")
    given = settings(f"sqlite:///{folder / 'proofhook.db'}", folder, place.stock)
    _web(place, given), _imports(folder)  # once for the byte code and the page cache
    found = [(_web(place, given), _imports(folder)) for _ in range(count)]
    facts = {"seconds": round(min(seconds for (_, _, seconds), _ in found), 3)}
    return [
        CPU.row([mine / theirs for (mine, _, _), theirs in found], facts),
        RSS.row([rss / 10**6 for (_, rss, _), _ in found]),
    ]


def _web(place: Place, given: dict[str, str]) -> tuple[float, int, float]:
    """CPU-seconds, bytes of memory and seconds from the start of the process to its first answer."""
    port = free_port()
    began = time.perf_counter()
    command = python("-m", "submitter.cli", "serve", "--only", "web", "--port", port)
    process = place.children.start("start", command, SERVER, given)
    while not _answers(port):
        if process.poll() is not None or time.perf_counter() - began > PATIENCE:
            raise Failed("the web process did not come up")
        time.sleep(0.002)
    found = run_cpu(process.pid), memory(process.pid, "VmRSS"), time.perf_counter() - began
    place.children.end(process)
    return found


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(ASK)
            return bool(re.match(rb"HTTP/1.1 200 ", sock.recv(4096)))
    except OSError:
        return False


def _imports(folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pinned(SERVER):
        command = python("-c", f"import {', '.join(IMPORTS)}")
        subprocess.run(command, check=True, env=environment(), cwd=folder, timeout=PATIENCE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
