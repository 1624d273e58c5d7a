"""SIGKILL at random moments and at every named step, under load: nothing acknowledged is lost, nothing doubled."""

import os
from pathlib import Path

import pytest

from tests.crash.backends import BACKENDS, database
from tests.crash.kills import Plan, run
from tests.whole import test_killed as named_steps

KILLS = int(os.environ.get("CRASH_KILLS", "16"))
"""For each backend: once at every named step, and a few at random; `make bench ARGS=kills` sets more."""


@pytest.mark.parametrize("backend", BACKENDS)
async def test_nothing_is_lost_and_nothing_is_there_twice(backend: str, tmp_path: Path) -> None:
    """Two web processes, a worker and a reconciler, each killed again and again while callbacks come in."""
    with database(backend, tmp_path) as url:
        outcome = await run(Plan(KILLS), tmp_path, url)
    assert outcome.tally.wrong() == {}, outcome.numbers
    steps = named_steps.WEB | named_steps.UPLOAD | named_steps.WORKER | named_steps.RECONCILER
    assert set(steps) <= set(outcome.numbers["died_at"])
    assert outcome.numbers["kills"] >= KILLS
    assert outcome.numbers["acknowledged"] > KILLS
