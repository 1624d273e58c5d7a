"""The sealer beside the callbacks: how much faster it is, whether it holds them up, and what checking the trail costs.

Two HMAC servers take turns on one core. One has no sealer; what it was sent is sealed after each round by a process
that does nothing else. The other has `serve --only reconcile` on the core beside it all the time.
"""

import json
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from subprocess import Popen
from typing import Any

from benchmarks.goals import Goal
from benchmarks.processes import GENERATOR, Failed, environment, pinned, python
from benchmarks.rounds import fire, spread
from benchmarks.servers import Place, Server, settings, start

SECONDS = 2.0
"""Of each shot."""
CHECKS = 3
"""`audit verify` of all that the rounds left, so often at most."""
PATIENCE = 300.0
RATE = Goal("seal", "deliveries sealed per CPU-second / HMAC callbacks per CPU-second", 2.0)
BESIDE = Goal("seal-beside", "HMAC while the sealer runs on the other core / without, requests per second", 0.95)
LAG = Goal("seal-lag", "last callback until all is sealed, the sealer beside", 2.0, "s", least=False)
TREE = Goal("audit-tree", "`audit verify`: deliveries whose part of the tree is checked, per CPU-second", 20_000, "/s")
GOALS = (RATE, BESIDE, LAG, TREE)
_WAITING = """
SELECT coalesce(sum(CASE WHEN ref LIKE '[%' THEN json_array_length(ref) ELSE 1 END), 0) FROM unsealed WHERE kind = ?
"""
_ORDERS = """
DELETE FROM job WHERE id NOT IN (SELECT job_id FROM delivery UNION SELECT ref FROM trail WHERE kind = 'order');
INSERT INTO unsealed (kind, ref) SELECT 'order', id FROM job;
"""


def measure(place: Place, repeats: int) -> list[dict[str, Any]]:
    alone, beside = start(place, "hmac", "seal-alone"), start(place, "hmac", "seal-beside")
    reconciler = _reconciler(place, beside)
    for server in (alone, beside):
        fire(place, server, 0.5)
    _evidence(place, alone, "seal")
    _drain(_file(place, beside))
    rounds = [_round(place, alone, beside) for _ in range(repeats)]
    place.children.end(*alone.processes, *beside.processes, reconciler)
    checks = _checks(place, alone, min(repeats, CHECKS))
    also = spread([each["sealed_per_cpu"] / each["hmac"] for each in rounds])
    more = {"also": {"metric": "callbacks per second", **also}, "sealing": _medians(rounds, checks)}
    return [
        RATE.row([each["sealed_per_cpu"] / each["hmac_per_cpu"] for each in rounds], more),
        BESIDE.row([each["in"] / each["hmac"] for each in rounds]),
        LAG.row([each["lag"] for each in rounds]),
        TREE.row([each["tree"] for each in checks]),
    ]


def _round(place: Place, alone: Server, beside: Server) -> dict[str, float]:
    without = fire(place, alone, SECONDS)
    count = _waiting(_file(place, alone))
    sealed = _evidence(place, alone, "seal")
    shot, file = fire(place, beside, SECONDS), _file(place, beside)
    began, waiting = time.perf_counter(), _waiting(file)
    _drain(file)
    lag = time.perf_counter() - began
    return {
        "hmac": without.rps, "hmac_per_cpu": without.per_cpu,
        "sealed_per_cpu": count / sealed["cpu"], "sealed": count / sealed["seconds"],
        "in": shot.rps, "out": shot.rps - waiting / SECONDS, "waiting": waiting, "lag": lag,
    }  # fmt: skip


def _checks(place: Place, server: Server, count: int) -> list[dict[str, float]]:
    """Deliveries per CPU-second: in the tree, in `audit verify` as a whole, and as bare HMAC.

    The jobs of the stock were never ordered, so that their orders are still to be sealed; those without a callback go.
    """
    with closing(sqlite3.connect(_file(place, server))) as connection:
        connection.executescript(_ORDERS)
    _evidence(place, server, "seal")
    found = [_evidence(place, server, "check") for _ in range(count)]
    return [{name: each["deliveries"] / each[name] for name in ("tree", "whole", "alone")} for each in found]


def _medians(*groups: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in group) for group in groups for name in group[0]}


def _reconciler(place: Place, server: Server) -> Popen[bytes]:
    command = python("-m", "submitter.cli", "serve", "--only", "reconcile")
    return place.children.start(f"{server.name}-sealer", command, GENERATOR, _settings(place, server))


def _evidence(place: Place, server: Server, what: str) -> dict[str, float]:
    """A process of benchmarks/evidence.py; raises Failed with the last that it said."""
    with pinned(GENERATOR):
        ended = subprocess.run(
            python("-m", "benchmarks.evidence", what), env=environment(_settings(place, server)), capture_output=True,
            text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    if ended.returncode:
        raise Failed(f"{what}: {(ended.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    told: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return told


def _waiting(file: Path) -> float:
    """Deliveries that are not sealed."""
    with closing(sqlite3.connect(file)) as connection:
        return float(connection.execute(_WAITING, ("delivery",)).fetchone()[0])


def _drain(file: Path) -> None:
    """Until nothing waits to be sealed. Raises Failed."""
    deadline = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(file)) as connection:
        while connection.execute("SELECT 1 FROM unsealed LIMIT 1").fetchone() is not None:
            if time.monotonic() > deadline:
                raise Failed("the sealer does not come to an end")
            time.sleep(0.02)


def _file(place: Place, server: Server) -> Path:
    return place.children.folder / server.name / "proofhook.db"


def _settings(place: Place, server: Server) -> dict[str, str]:
    file = _file(place, server)
    return settings(f"sqlite:///{file}", file.parent, place.stock)
