"""Eight uploads of 20 MB at once: `PUT /uploads/…` against a raw socket that writes a file and hashes it.

python -m benchmarks.uploads PORT FOLDER        the raw server: a thread for each connection
"""

import hashlib
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from benchmarks import database, signing
from benchmarks.goals import Goal
from benchmarks.processes import GENERATOR, SERVER, cpu, forget_peak, free_port, memory, pinned, python
from benchmarks.servers import Place, settings
from receiver.wire import tokens

SIZE = 20 * 10**6
AT_ONCE = 8
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
BATCH = 2**20
RATE = Goal("upload", "eight uploads of 20 MB at once / raw socket → file with SHA-256, bytes per second", 0.75)
MEMORY = Goal("upload-memory", "memory for each upload under way", 2.0, "MB", least=False)
GOALS = (RATE, MEMORY)
_NOTHING = bytes(BATCH)


def serve(port: int, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", port), backlog=64) as listening:
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_take, args=(client, folder), daemon=True).start()


def _take(client: socket.socket, folder: Path) -> None:
    """The least that stores and names bytes: read, write, hash; not even fsync, which ours does."""
    with client:
        head, _, rest = client.recv(65536).partition(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(rest)
        digest, buffer = hashlib.sha256(rest), bytearray(BATCH)
        view = memoryview(buffer)
        with (folder / os.urandom(8).hex()).open("wb", buffering=0) as file:
            file.write(rest)
            while left > 0 and (count := client.recv_into(buffer, min(left, BATCH))):
                file.write(view[:count])
                digest.update(view[:count])
                left -= count
        said = digest.hexdigest().encode()
        client.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))


@dataclass(frozen=True, slots=True)
class Target:
    """A server that takes uploads: `paths` gives the next eight addresses, `folder` is emptied after each volley."""

    process: Popen[bytes]
    port: int
    paths: Callable[[], list[str]]
    folder: Path


def _put(port: int, path: str, gate: threading.Barrier, answers: list[bytes]) -> None:
    """Bytes that are new each time: the same again would be no upload, as they are here already."""
    head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: {SIZE}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as sock:
        gate.wait()
        sock.sendall(head.encode() + PNG + os.urandom(64))
        left = SIZE - len(PNG) - 64
        while left > 0:
            left -= sock.send(_NOTHING[: min(left, BATCH)])
        answers.append(sock.recv(65536)[9:12])


def volley(target: Target) -> tuple[float, float, float]:
    """Eight at once; returns bytes per second, bytes per CPU-second, and the peak of memory above what it was."""
    paths = target.paths()
    gate, answers = threading.Barrier(AT_ONCE + 1, timeout=30), list[bytes]()
    threads = [threading.Thread(target=_put, args=(target.port, path, gate, answers)) for path in paths]
    forget_peak(target.process.pid)
    rss, before = memory(target.process.pid, "VmRSS"), cpu([target.process.pid])
    with pinned(GENERATOR):
        for thread in threads:
            thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    spent = max(cpu([target.process.pid]) - before, 0.01)
    assert answers == [b"201"] * AT_ONCE, f"an upload was answered {set(answers)}"
    for file in target.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    total = AT_ONCE * SIZE
    return total / took, total / spent, memory(target.process.pid, "VmHWM") - rss


def measure(place: Place, count: int) -> list[dict[str, Any]]:
    """`count` rounds of both, in turn; the first volley of each is not counted."""
    ours, raw = _ours(place, count), _raw(place)
    volley(ours), volley(raw)
    rates, per_cpu, peaks = [], [], []
    for number in range(count):
        pair = (ours, raw) if number % 2 == 0 else (raw, ours)
        found = {target.port: volley(target) for target in pair}
        mine, theirs = found[ours.port], found[raw.port]
        rates.append(mine[0] / theirs[0])
        per_cpu.append(mine[1] / theirs[1])
        peaks.append(mine[2] / AT_ONCE / 10**6)
    place.children.end(ours.process, raw.process)
    shutil.rmtree(raw.folder)
    also = {"metric": "per CPU-second", "median": sorted(per_cpu)[count // 2], "least": min(per_cpu)}
    return [RATE.row(rates, {"also": {**also, "most": max(per_cpu)}}), MEMORY.row(peaks)]


def _ours(place: Place, count: int) -> Target:
    folder = place.children.folder / "uploads"
    folder.mkdir()
    shutil.copy(place.stock.template, folder / "proofhook.db")
    url = f"sqlite:///{folder / 'proofhook.db'}"
    database.fill_uploads(url, (count + 2) * AT_ONCE)
    port = free_port()
    command = python("-m", "submitter.cli", "serve", "--only", "web", "--port", port)
    process = place.children.start("uploads", command, SERVER, settings(url, folder, place.stock))
    place.children.up("uploads", process, port)
    numbers = iter(range(1, (count + 2) * AT_ONCE))

    def paths() -> list[str]:
        jobs = [signing.job_id("runware", next(numbers)) for _ in range(AT_ONCE)]
        key = [signing.OWN_KEY.encode()]
        return [f"/uploads/runware/{tokens.mint(key, 'upload', 'runware', job, 0)}" for job in jobs]

    return Target(process, port, paths, folder / "images")


def _raw(place: Place) -> Target:
    folder = place.children.folder / "raw"
    folder.mkdir()
    port = free_port()
    process = place.children.start("raw", python("-m", "benchmarks.uploads", port, folder), SERVER)
    place.children.up("raw", process, port)
    return Target(process, port, lambda: ["/"] * AT_ONCE, folder)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
