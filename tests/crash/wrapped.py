"""Runs the `proofhook` command with something changed in it, which no product code knows of.

    python -m tests.crash.wrapped [MODULE:NAME=VALUE …] [kill=MODULE:NAME,WHEN,NTH] [clock=FILE] [busy=MILLISECONDS]
        -- serve --only worker

VALUE is a whole number, or a duration as `1.5s`. `kill` is a SIGKILL at a named step (see tests/whole/killer.py).
`busy` is how long SQLite waits for a lock.
FILE holds the seconds by which the clock of this process is wrong; it is read at each look at the clock.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.whole.killer import _owner, arm


def change(name: str, value: str) -> None:
    owner, last = _owner(name)
    setattr(owner, last, timedelta(seconds=float(value[:-1])) if value.endswith("s") else int(value))


def shift(file: Path) -> None:
    from receiver import road

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))

    road._now = now


def impatient(milliseconds: str) -> None:
    """Wait no longer than this for a locked file."""
    from receiver.ledger import database, scribes  # with SQLAlchemy, which a web process need not load

    database.BUSY_MILLISECONDS = scribes.PATIENCE = int(milliseconds)


def main() -> None:
    split = sys.argv.index("--")
    for each in sys.argv[1:split]:
        name, _, value = each.partition("=")
        if name == "kill":
            step, when, nth = value.split(",")
            arm(step, when, int(nth))
        elif name == "clock":
            shift(Path(value))
        elif name == "busy":
            impatient(value)
        else:
            change(name, value)
    sys.argv = ["proofhook", *sys.argv[split + 1 :]]
    from submitter.cli import main as command

    command()


if __name__ == "__main__":
    main()
