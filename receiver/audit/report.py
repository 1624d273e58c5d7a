"""The month in figures, provider by provider. Pure arithmetic: costs are exact decimals, unknown is never 0.

`late`: delivered after the job's deadline; or delivered although the provider's callback did not tell us of the
success first, but an answer that our reconciler had asked for (of providers that have no callbacks, the first only).
"""

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import Any, Protocol

from receiver.ledger.report_reading import CostCount, DeliveryCount, ImageSum, JobCount

BELIEVED = frozenset({"verified", "unsigned", "asked"})
"""Verdicts that are no refusal."""
STATUSES = ("delivered", "failed", "expired", "cancelled")
EDGES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds: the upper ends, each included, of the bins in which times are shown; what is above has one more."""
UNKNOWN = "unknown"
_P99 = 0.99


class Source(Protocol):
    """What a report is made of."""

    def jobs(self) -> Iterable[JobCount]: ...
    def costs(self) -> Iterable[CostCount]: ...
    def images(self) -> Iterable[ImageSum]: ...
    def seconds(self) -> Iterable[tuple[str, float]]: ...
    def deliveries(self) -> Iterable[DeliveryCount]: ...


@dataclass(slots=True)
class Line:
    """One provider. `jobs` is the sum of delivered, failed, moderated, expired, cancelled and open.

    `cost_usd` is the sum of what is known, None when nothing is; `cost_unknown` counts the jobs that were sent and
    whose cost nobody told us. `median` and `p99` (nearest rank) are seconds from the call until an image was stored.
    """

    provider: str
    jobs: int = 0
    delivered: int = 0
    failed: int = 0
    moderated: int = 0
    expired: int = 0
    cancelled: int = 0
    open: int = 0
    late: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    median: float | None = None
    p99: float | None = None
    cost_usd: Decimal | None = None
    cost_unknown: int = 0
    images: int = 0
    bytes: int = 0
    bins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Month:
    """`name` is 2026-03; `days` maps each day on which something came to its deliveries by verdict."""

    name: str
    lines: tuple[Line, ...]
    days: Mapping[str, Counter[str]]


def bounds(name: str) -> tuple[datetime, datetime]:
    """The month 2026-03 as [begin, end) in UTC. Raises ValueError."""
    begin = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    return begin, begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)


def report(name: str, source: Source, calls_back: Callable[[str], bool]) -> Month:
    """All of a month; `calls_back` says of a provider whether it has callbacks."""
    lines: dict[str, Line] = {}

    def line(provider: str) -> Line:
        return lines.setdefault(provider, Line(provider))

    for jobs in source.jobs():
        _add(line(jobs.provider), jobs, calls_back(jobs.provider))
    for cost in source.costs():
        _price(line(cost.provider), cost)
    for images in source.images():
        line(images.provider).images, line(images.provider).bytes = images.number, images.bytes
    for provider, seconds in _times(source.seconds()).items():
        _timed(line(provider), seconds)
    days: dict[str, Counter[str]] = {}
    for came in source.deliveries():
        line(came.provider).duplicates += came.repeats
        days.setdefault(came.day, Counter())[came.verdict] += came.number
        if came.verdict not in BELIEVED:
            line(came.provider).refused[came.verdict] += came.number
    return Month(name, tuple(lines[each] for each in sorted(lines)), dict(sorted(days.items())))


def _add(line: Line, jobs: JobCount, calls_back: bool) -> None:
    line.jobs += jobs.number
    status = "moderated" if jobs.status == "failed" and jobs.moderated else jobs.status
    name = status if status in {*STATUSES, "moderated"} else "open"
    setattr(line, name, getattr(line, name) + jobs.number)
    if jobs.overdue or (jobs.answered and calls_back):
        line.late += jobs.number


def _price(line: Line, cost: CostCount) -> None:
    try:
        each = Decimal(cost.cost_usd) if cost.cost_usd is not None else None
    except InvalidOperation:
        each = None
    if each is None or not each.is_finite():
        line.cost_unknown += cost.number
    else:
        line.cost_usd = (line.cost_usd or Decimal(0)) + each * cost.number


def _times(seconds: Iterable[tuple[str, float]]) -> dict[str, "array[float]"]:
    """Eight bytes for each image: what a percentile needs, and no more."""
    found: dict[str, array[float]] = {}
    for provider, each in seconds:
        found.setdefault(provider, array("d")).append(each)
    return found


def _timed(line: Line, seconds: Sequence[float]) -> None:
    ordered = array("d", sorted(seconds))
    line.median = median(ordered)
    line.p99 = ordered[math.ceil(len(ordered) * _P99) - 1]
    bins = Counter(bisect_left(EDGES, each) for each in ordered)
    line.bins = tuple(bins[at] for at in range(len(EDGES) + 1))


COLUMNS = (
    "month", "provider", "jobs", "delivered", "failed", "moderated", "expired", "cancelled", "open", "late",
    "duplicates", "refused", "median_seconds", "p99_seconds", "cost_usd", "cost_unknown_jobs", "images", "bytes",
)  # fmt: skip


def shape(month: Month) -> dict[str, Any]:
    """As JSON: costs are decimal strings, null where nothing is known."""
    return {
        "month": month.name,
        "providers": [_shape(line) for line in month.lines],
        "days": [{"day": day, "deliveries": dict(sorted(verdicts.items()))} for day, verdicts in month.days.items()],
    }


def _shape(line: Line) -> dict[str, Any]:
    counts = {name: getattr(line, name) for name in ("jobs", *STATUSES, "moderated", "open", "late", "duplicates")}
    return {
        "provider": line.provider, **counts, "refused": dict(sorted(line.refused.items())),
        "median_seconds": _seconds(line.median), "p99_seconds": _seconds(line.p99),
        "cost_usd": f"{line.cost_usd:f}" if line.cost_usd is not None else None,
        "cost_unknown_jobs": line.cost_unknown, "images": line.images, "bytes": line.bytes,
    }  # fmt: skip


def table(month: Month) -> Iterator[tuple[object, ...]]:
    """A row for each provider, in the order of COLUMNS; what is not known says so."""
    for line in month.lines:
        cells = _shape(line) | {"month": month.name, "refused": reasons(line), "cost_usd": cost(line)}
        yield tuple("" if cells[name] is None else cells[name] for name in COLUMNS)


def cost(line: Line) -> str:
    """The sum of what is known; `unknown` where jobs were sent and nothing is, empty where none was sent."""
    if line.cost_usd is None:
        return UNKNOWN if line.cost_unknown else ""
    return f"{line.cost_usd:f}"


def reasons(line: Line) -> str:
    """Refusals by reason, most first: `bad_signature=2 stale_timestamp=1`."""
    return " ".join(
        f"{slug}={count}" for slug, count in sorted(line.refused.items(), key=lambda each: (-each[1], each))
    )


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
