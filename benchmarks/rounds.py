"""Interleaved rounds: every variant is up all the time, one is shot at a time, ratios are taken within a round."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from subprocess import Popen
from typing import Any

from benchmarks.processes import GENERATOR, ROOT, Failed, cpu, environment, pinned, python
from benchmarks.servers import Place, Server, start

CONNECTIONS = 64
MOST_PER_SECOND = 40_000
"""Requests that a generator keeps at hand: more than any server here takes."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One measurement of one variant. `per_cpu` is requests per CPU-second of the server's process tree."""

    rps: float
    per_cpu: float
    p50: float
    p99: float
    most: float
    server: float
    """How busy the server was: CPU-seconds per second."""
    generator: float
    """How busy the load generator was; near 1 it is the limit, and `rps` says little of the server."""
    images: float = 0.0
    """Images that the neighbour stored meanwhile, per second."""

    def of(self, metric: str) -> float:
        return float(getattr(self, metric))


Shots = dict[str, list[Shot]]


def fire(place: Place, server: Server, seconds: float, connections: int = CONNECTIONS) -> Shot:
    """Shoot, and book what was acknowledged. Raises Failed for any answer but a 2xx."""
    with _neighbour(server.neighbour):
        pids = [process.pid for process in server.processes]
        before = cpu(pids)
        told = _generate(place, server, seconds, connections)
        spent = cpu(pids) - before
    bad = {status: count for status, count in told["statuses"].items() if not status.startswith("2")}
    if bad:
        raise Failed(f"{server.name} answered {bad}")
    server.at += 0 if server.cycle else told["sent"]
    server.acknowledged += told["requests"]
    count, took = told["requests"], told["seconds"]
    per_cpu = count / spent if spent else 0.0
    images = server.images(told["began_at"], told["began_at"] + took) / took if server.images else 0.0
    return Shot(count / took, per_cpu, told["p50"], told["p99"], told["most"], spent / took, told["busy"], images)


def _generate(place: Place, server: Server, seconds: float, connections: int) -> dict[str, Any]:
    ports = ",".join(map(str, server.ports))
    words = ["--ports", ports, "--connections", connections, "--seconds", seconds, "--first", server.at]
    most = max(int(seconds * MOST_PER_SECOND), connections)
    words += ["--limit", most, *(["--cycle"] if server.cycle else []), place.stock.requests(server.requests)]
    with pinned(GENERATOR):
        ended = subprocess.run(
            python(ROOT / "benchmarks" / "load.py", *words), env=environment(), capture_output=True, text=True,
            timeout=seconds + 90, check=False,
        )  # fmt: skip
    if ended.returncode:
        raise Failed(
            f"{server.name}: {ended.stderr.strip().splitlines()[-1] if ended.stderr else 'the generator died'}"
        )
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@contextlib.contextmanager
def _neighbour(process: Popen[bytes] | None) -> Iterator[None]:
    """Let the neighbour run while its variant is measured, and only then."""
    if process is None:
        yield
        return
    os.killpg(process.pid, signal.SIGCONT)
    time.sleep(0.5)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGSTOP)


@dataclass(frozen=True, slots=True)
class Measured:
    """All shots by variant, why the others could not be measured, and what each server held at the end."""

    shots: Shots
    missing: dict[str, str]
    kept: dict[str, tuple[int, int]]
    """Acknowledged and stored, by variant that stores."""


def rounds(place: Place, names: Sequence[str], count: int, seconds: float, say: Callable[[str], None]) -> Measured:
    """Start them all, warm each up, then shoot `count` rounds, every other one backwards."""
    servers: dict[str, Server] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            servers[name] = start(place, name)
            fire(place, servers[name], min(seconds, 0.5))
        except Failed as error:
            servers.pop(name, None)
            missing[name] = str(error)
            say(f"  {name}: not measured: {error}")
    shots: Shots = {name: [] for name in servers}
    for number in range(count):
        order = list(servers) if number % 2 == 0 else list(reversed(servers))
        for name in order:
            try:
                shots[name].append(fire(place, servers[name], seconds))
            except Failed as error:
                missing[name] = f"it failed in round {number + 1}: {error}"
                place.children.end(*_all(servers.pop(name)))
                del shots[name]
                say(f"  {name}: {missing[name]}")
        say(f"  round {number + 1} of {count}: " + ", ".join(f"{n} {s[-1].rps:.0f}/s" for n, s in shots.items()))
    kept = {name: (each.acknowledged, each.stored()) for name, each in servers.items() if each.stored}
    for name, (acknowledged, stored) in kept.items():
        if stored < acknowledged:
            raise Failed(f"{name} acknowledged {acknowledged} and stored {stored}")
    place.children.end(*[process for each in servers.values() for process in _all(each)])
    return Measured(shots, missing, kept)


def curve(place: Place, name: str, connections: Sequence[int], seconds: float) -> list[dict[str, float]]:
    """Latency of one variant by the number of connections."""
    server = start(place, name, f"{name}-curve")
    fire(place, server, 0.5)
    found = []
    for count in connections:
        shot = fire(place, server, seconds, count)
        found.append({"connections": count, "p50": shot.p50, "p99": shot.p99, "rps": round(shot.rps)})
    place.children.end(*_all(server))
    return found


def ratios(shots: Shots, one: str, other: str, metric: str) -> list[float]:
    """Of two variants, round by round."""
    pairs = zip(shots[one], shots[other], strict=True)
    return [mine.of(metric) / theirs.of(metric) for mine, theirs in pairs if theirs.of(metric)]


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "least": min(values), "most": max(values)}


def _all(server: Server) -> list[Popen[bytes]]:
    return [*server.processes, *([server.neighbour] if server.neighbour else [])]
