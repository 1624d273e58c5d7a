"""A thousand kills: `make bench ARGS=kills` runs the crash harness of the tests for longer than the tests do."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

from benchmarks.goals import Goal
from benchmarks.processes import ROOT, environment, python

COUNT = 1000
LIMIT = 3600.0
"""Seconds that the kills on one backend may take."""
BACKENDS = ("sqlite", "postgres")
HARNESS = ROOT / "tests" / "crash" / "__main__.py"


def measure(say: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row for each backend; BENCH_KILLS makes it fewer than a thousand."""
    count = int(os.environ.get("BENCH_KILLS", COUNT))
    return [_on(backend, count, say) for backend in BACKENDS]


def _on(backend: str, count: int, say: Callable[[str], None]) -> dict[str, Any]:
    goal = Goal(f"kills-{backend}", f"lost, doubled or missing after {count} kills, {backend}", 0, "", least=False)
    if not HARNESS.is_file():
        return goal.missing("there is no crash harness in tests/crash")
    say(f"{count} kills on {backend} …")
    command = python("-m", "tests.crash", "--kills", count, "--backend", backend)
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=LIMIT, check=False
        )
        told = json.loads(ended.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return goal.missing(f"the harness did not come to its end in {LIMIT:.0f} s")
    except (ValueError, IndexError):
        said = ended.stderr.strip().splitlines()
        return goal.missing(f"the harness broke off: {said[-1] if said else 'it said nothing'}")
    say(f"  {json.dumps(told)}")
    return goal.row([float(sum(told[name] for name in told.get("wrong", {})))], {"told": told})
