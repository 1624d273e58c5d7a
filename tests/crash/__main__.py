"""Kill as often as wanted, and print what was counted, as JSON. Status 1 when anything is wrong.

python -m tests.crash --kills 1000 --backend sqlite
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.crash.backends import BACKENDS, database
from tests.crash.kills import Plan, run


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.crash")
    asked.add_argument("--kills", type=int, default=100)
    asked.add_argument("--backend", choices=BACKENDS, default="sqlite")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--web", type=int, default=2)
    asked.add_argument("--workers", type=int, default=1)
    given = asked.parse_args()
    plan = Plan(given.kills, given.seed, given.web, given.workers)
    with tempfile.TemporaryDirectory() as folder, database(given.backend, Path(folder)) as url:
        outcome = asyncio.run(run(plan, Path(folder), url))
    wrong = outcome.tally.wrong()
    said = {"backend": given.backend, **outcome.numbers, **outcome.tally.counts()}
    print(json.dumps(said | ({"wrong": {name: found[:5] for name, found in wrong.items()}} if wrong else {})))  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
