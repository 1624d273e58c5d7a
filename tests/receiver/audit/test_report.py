"""The report's arithmetic: exact costs, honest percentiles, and numbers that add up."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from receiver.audit import report, report_page, report_plots
from receiver.ledger.report_reading import CostCount, DeliveryCount, ImageSum, JobCount


@dataclass
class Told:
    """A ledger of which everything is known."""

    job: list[JobCount] = field(default_factory=list)
    cost: list[CostCount] = field(default_factory=list)
    image: list[ImageSum] = field(default_factory=list)
    second: list[tuple[str, float]] = field(default_factory=list)
    delivery: list[DeliveryCount] = field(default_factory=list)

    def jobs(self) -> Iterable[JobCount]:
        return self.job

    def costs(self) -> Iterable[CostCount]:
        return self.cost

    def images(self) -> Iterable[ImageSum]:
        return self.image

    def seconds(self) -> Iterable[tuple[str, float]]:
        return self.second

    def deliveries(self) -> Iterable[DeliveryCount]:
        return self.delivery


def made(told: Told) -> report.Month:
    return report.report("2026-02", told, lambda provider: provider != "vtrix")


def line(told: Told) -> report.Line:
    [one] = made(told).lines
    return one


@pytest.mark.parametrize(
    ("name", "begin", "end"), [("2026-02", (2026, 2), (2026, 3)), ("2025-12", (2025, 12), (2026, 1))]
)
def test_a_month_is_whole(name: str, begin: tuple[int, int], end: tuple[int, int]) -> None:
    """From its first moment to the next month's, in UTC."""
    assert report.bounds(name) == (datetime(*begin, 1, tzinfo=UTC), datetime(*end, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["2026", "2026-13", "2026-02-01", "", "now", "9999-99"])
def test_what_is_no_month_is_refused(name: str) -> None:
    """ValueError, and nothing else."""
    with pytest.raises(ValueError):
        report.bounds(name)


def test_what_became_of_jobs_adds_up() -> None:
    """Every job is in exactly one column; a moderated one is not also a failed one."""
    words = ("delivered", "failed", "expired", "cancelled", "pending", "submitted", "succeeded")
    jobs = [JobCount("fal", status, False, False, False, 2) for status in words]
    found = line(Told([*jobs, JobCount("fal", "failed", True, False, False, 5)]))
    columns = (found.delivered, found.failed, found.moderated, found.expired, found.cancelled, found.open)
    assert columns == (2, 2, 5, 2, 2, 6)
    assert sum(columns) == found.jobs == 19


def test_late_is_after_the_deadline_or_by_asking() -> None:
    """Once each; that a provider without callbacks had to be asked is not late."""
    jobs = [
        JobCount("fal", "delivered", False, overdue, answered, 1)
        for overdue in (False, True)
        for answered in (False, True)
    ]
    assert line(Told(jobs)).late == 3
    assert line(Told([each._replace(provider="vtrix") for each in jobs])).late == 2


def test_costs_are_exact_and_unknown_is_not_nothing() -> None:
    """Decimals add up to the last digit; what nobody told is counted, and never 0."""
    known = line(
        Told(cost=[CostCount("fal", "0.1", 3), CostCount("fal", "0.00000000001", 1), CostCount("fal", None, 2)])
    )
    assert (known.cost_usd, known.cost_unknown, report.cost(known)) == (Decimal("0.30000000001"), 2, "0.30000000001")
    unknown = line(Told(cost=[CostCount("fal", None, 2), CostCount("fal", "junk", 1), CostCount("fal", "NaN", 1)]))
    assert (unknown.cost_usd, unknown.cost_unknown, report.cost(unknown)) == (None, 4, "unknown")
    free = line(Told(cost=[CostCount("fal", "0.000", 1)]))
    assert report.cost(free) == "0.000"


def test_percentiles_and_bins() -> None:
    """The median of an even number is between two; p99 is a time that was measured; each time has one bin."""
    seconds = line(Told(second=[("fal", float(each)) for each in range(1, 201)]))
    assert (seconds.median, seconds.p99) == (100.5, 198.0)
    assert sum(seconds.bins) == 200
    edge = line(Told(second=[("fal", 0.5), ("fal", 0.51), ("fal", 1e9)])).bins
    assert (edge[0], edge[1], edge[-1]) == (1, 1, 1)


WHOLE = Told(
    [JobCount("fal", "delivered", False, False, False, 3)],
    [CostCount("fal", "0.04", 2), CostCount("fal", None, 1)],
    [ImageSum("fal", 3, 12345)],
    [("fal", 1.25), ("fal", 3.5), ("fal", 90.0)],
    [
        DeliveryCount("fal", "2026-02-03", "verified", 3, 1),
        DeliveryCount("fal", "2026-02-04", "bad_signature", 2, 0),
        DeliveryCount("fal", "2026-02-04", "stale_timestamp", 1, 0),
        DeliveryCount("runware", "2026-02-04", "<script>", 1, 0),
    ],
)


def test_as_csv_and_json() -> None:
    """The same figures in both; refusals by reason, decimals as text."""
    month = made(WHOLE)
    out = io.StringIO()
    csv.writer(out).writerows([report.COLUMNS, *report.table(month)])
    first = next(csv.DictReader(io.StringIO(out.getvalue())))
    shown = json.loads(json.dumps(report.shape(month)))["providers"][0]
    assert first["refused"] == "bad_signature=2 stale_timestamp=1"
    assert shown["refused"] == {"bad_signature": 2, "stale_timestamp": 1}
    for name in ("jobs", "delivered", "duplicates", "cost_usd", "cost_unknown_jobs", "bytes", "median_seconds"):
        assert first[name] == str(shown[name]), name
    assert (shown["cost_usd"], shown["median_seconds"], shown["p99_seconds"]) == ("0.08", 3.5, 90.0)


def test_the_page_needs_nothing_and_believes_nothing() -> None:
    """No script, nothing from elsewhere, whatever a row says is text; both plots are there, and a policy says so."""
    page = report_page.page(made(WHOLE))
    assert "<script" not in page
    assert "http:" not in page
    assert "https:" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme:dark" in page
    assert "2026-02-03: 3 verified" in page
    assert "1 took at most 2s" in page
    assert page.count("<figure>") == 1


def test_the_page_of_a_quiet_month() -> None:
    """It says so, and has no empty plots."""
    page = report_page.page(made(Told()))
    assert "nothing came" in page
    assert "<svg" not in page


@pytest.mark.parametrize(("most", "top"), [(1, 1), (3, 5), (5, 5), (6, 10), (101, 200), (999, 1000)])
def test_an_axis_ends_at_a_round_number(most: int, top: int) -> None:
    """1, 2 or 5 times a power of ten, and not below what is shown."""
    assert report_plots.nice(most) == top
