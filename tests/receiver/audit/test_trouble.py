"""What the sealer complains of, it says once; and when it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from receiver.audit.trouble import AGAIN, Trouble

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def said(*steps: tuple[timedelta, str]) -> list[tuple[Any, ...]]:
    """What is logged when these errors come so long after the beginning; an empty one is a round that went well."""
    now = [NOW]
    trouble = Trouble(lambda: now[0])
    with structlog.testing.capture_logs() as logs:
        for after, error in steps:
            now[0] = NOW + after
            if error:
                trouble.stopped(error)
            else:
                trouble.over()
    return [(line["log_level"], line.get("error")) for line in logs]


def test_the_same_is_said_once_an_hour() -> None:
    """Every two seconds the same: one line, and one more when an hour is over."""
    often = [(timedelta(seconds=2 * n), "lost") for n in range(5)]
    assert said(*often) == [("warning", "lost")]
    assert said(*often, (AGAIN, "lost"), (AGAIN + timedelta(seconds=2), "lost")) == [("warning", "lost")] * 2


def test_another_sentence_is_said_at_once() -> None:
    """A new reason is news; the old one is not, when it comes back soon."""
    steps = [(timedelta(seconds=n), error) for n, error in enumerate(("lost", "changed", "lost"))]
    assert said(*steps) == [("warning", "lost"), ("warning", "changed")]


def test_that_it_works_again_is_said_once() -> None:
    """And only where it did not; whatever comes after that is said anew."""
    steps = [(timedelta(seconds=n), error) for n, error in enumerate(("", "lost", "", "", "lost"))]
    assert said(*steps) == [("warning", "lost"), ("info", None), ("warning", "lost")]


def test_a_clock_that_went_back_does_not_silence_it() -> None:
    """What was said in the future counts as not said."""
    assert said((timedelta(hours=5), "lost"), (timedelta(0), "lost")) == [("warning", "lost")] * 2
