"""The rows of the table: what is promised, and how it follows from what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.rounds import Measured, Shot, ratios, spread

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise. `least` means that the measured value must reach the goal, else it must stay within it."""

    name: str
    title: str
    goal: float
    unit: str = TIMES
    least: bool = True

    def row(self, values: Sequence[float], more: dict[str, Any] | None = None) -> dict[str, Any]:
        """A row of the result, from one value for each round."""
        held = spread(values)
        met = held["median"] >= self.goal if self.least else held["median"] <= self.goal
        seen = {"median": held["median"], "least_seen": held["least"], "most_seen": held["most"]}
        return self._facts() | {"values": list(values), **seen, "met": met} | (more or {})

    def missing(self, why: str) -> dict[str, Any]:
        return self._facts() | {"not_measured": why, "met": False}

    def _facts(self) -> dict[str, Any]:
        return {
            "name": self.name, "title": self.title, "goal": self.goal, "unit": self.unit, "least": self.least,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """A goal about two variants; `metric` is `per_cpu` or `rps`."""

    goal: Goal
    one: str
    other: str
    metric: str


COMPARED = (
    Compared(
        Goal("ed25519", "Ed25519, matched, committed / bare ASGI + the same verify, per CPU-second", 0.90),
        "ed25519", "bare-ed25519", "per_cpu",
    ),
    Compared(
        Goal("hmac", "HMAC, matched, committed / bare ASGI that reads and answers, per CPU-second", 0.45),
        "hmac", "bare", "per_cpu",
    ),
    Compared(
        Goal("naive-hmac", "HMAC / Starlette + a SQLModel session per request, requests per second", 15),
        "hmac", "naive-hmac", "rps",
    ),
    Compared(
        Goal("naive-ed25519", "Ed25519 / the same, requests per second", 8),
        "ed25519", "naive-ed25519", "rps",
    ),
    Compared(
        Goal("slow-hmac", "HMAC / the same, 5 ms added to each commit, requests per second", 25),
        "hmac-slow", "naive-hmac-slow", "rps",
    ),
    Compared(
        Goal("slow-ed25519", "Ed25519 / the same, 5 ms added to each commit, requests per second", 25),
        "ed25519-slow", "naive-ed25519-slow", "rps",
    ),
    Compared(
        Goal("webhook", "HMAC / Debian's `webhook` 2.8, HMAC rule, command `true`, requests per second", 8),
        "hmac", "webhook", "rps",
    ),
    Compared(
        Goal("postgres", "HMAC on PostgreSQL (`synchronous_commit=on`) / on SQLite, requests per second", 1.0),
        "hmac-postgres", "hmac", "rps",
    ),
    Compared(
        Goal("downloads", "HMAC while 8 downloads of 2 MB run / without, requests per second", 0.95),
        "hmac-downloads", "hmac", "rps",
    ),
    Compared(
        Goal("two", "Ed25519, two web processes on one SQLite file / one, requests per second", 1.5),
        "ed25519-two", "ed25519", "rps",
    ),
    Compared(
        Goal("history", "HMAC with a long history of deliveries / with none, per CPU-second", 0.90),
        "hmac-history", "hmac", "per_cpu",
    ),
)  # fmt: skip

WITHIN = (
    (Goal("p99-hmac", "p99 at 64 connections, HMAC", 20, "ms", least=False), "hmac"),
    (Goal("p99-ed25519", "p99 at 64 connections, Ed25519", 20, "ms", least=False), "ed25519"),
    (Goal("p99-two", "p99 with two web processes on one SQLite file", 25, "ms", least=False), "ed25519-two"),
)
LOAD = {each.goal.name for each in COMPARED} | {goal.name for goal, _ in WITHIN}
"""Names of the rows that the load generator makes."""


def wanted(names: set[str]) -> list[str]:
    """The variants that these rows need."""
    found = {variant for each in COMPARED if each.goal.name in names for variant in (each.one, each.other)}
    return sorted(found | {variant for goal, variant in WITHIN if goal.name in names})


def rows(measured: Measured, names: set[str]) -> list[dict[str, Any]]:
    found = [_compared(measured, each) for each in COMPARED if each.goal.name in names]
    return found + [_within(measured, goal, variant) for goal, variant in WITHIN if goal.name in names]


def _compared(measured: Measured, each: Compared) -> dict[str, Any]:
    for variant in (each.one, each.other):
        if variant in measured.missing:
            return each.goal.missing(measured.missing[variant])
    other = "rps" if each.metric == "per_cpu" else "per_cpu"
    also = spread(ratios(measured.shots, each.one, each.other, other))
    named = "requests per second" if other == "rps" else "per CPU-second"
    values = ratios(measured.shots, each.one, each.other, each.metric)
    return each.goal.row(values, {"also": {"metric": named, **also}})


def _within(measured: Measured, goal: Goal, variant: str) -> dict[str, Any]:
    if variant in measured.missing:
        return goal.missing(measured.missing[variant])
    return goal.row([shot.p99 for shot in measured.shots[variant]])


def figures(shots: Sequence[Shot]) -> dict[str, Any]:
    """What one variant did, for the table of absolute numbers: medians, for orientation only."""
    names = ("rps", "per_cpu", "p50", "p99", "most", "server", "generator", "images")
    return {name: round(spread([shot.of(name) for shot in shots])["median"], 3) for name in names}
