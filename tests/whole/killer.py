"""Runs the `proofhook` command and kills it, with a real SIGKILL, at a named step.

    python -m tests.whole.killer MODULE:NAME WHEN NTH [MODULE:NAME=SECONDS …] -- serve --only worker

WHEN is `before` or `after` the NTH call of that function. What stands between them are durations to set, so that a
test need not wait for a lease of half a minute.
"""

import asyncio
import functools
import importlib
import os
import signal
import sys
from datetime import timedelta
from typing import Any


def _owner(name: str) -> tuple[Any, str]:
    module, _, path = name.partition(":")
    *outer, last = path.split(".")
    owner = functools.reduce(getattr, outer, importlib.import_module(module))
    return owner, last


def arm(name: str, when: str, nth: int) -> None:
    """Replace a function by itself plus a SIGKILL of this process."""
    owner, last = _owner(name)
    real, calls = getattr(owner, last), 0

    def due() -> bool:
        nonlocal calls
        calls += 1
        return calls == nth

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(real)
    async def slow(*args: Any, **kwargs: Any) -> Any:
        mine = due()
        if mine and when == "before":
            die()
        result = await real(*args, **kwargs)
        if mine:
            die()
        return result

    @functools.wraps(real)
    def quick(*args: Any, **kwargs: Any) -> Any:
        mine = due()
        if mine and when == "before":
            die()
        result = real(*args, **kwargs)
        if mine:
            die()
        return result

    setattr(owner, last, slow if asyncio.iscoroutinefunction(real) else quick)


def main() -> None:
    split = sys.argv.index("--")
    name, when, nth, *durations = sys.argv[1:split]
    for each in durations:
        target, _, seconds = each.partition("=")
        owner, last = _owner(target)
        setattr(owner, last, timedelta(seconds=float(seconds)))
    arm(name, when, int(nth))
    sys.argv = ["proofhook", *sys.argv[split + 1 :]]
    from submitter.cli import main as command

    command()


if __name__ == "__main__":
    main()
