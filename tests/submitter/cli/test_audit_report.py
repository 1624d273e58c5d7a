"""`audit report` and `audit gaps` as a person runs them."""

from datetime import UTC, datetime

import pytest

from tests.submitter.cli.stage import House


def test_a_report_of_this_month(house: House) -> None:
    """As a table, as CSV, as JSON and as a page: the same job in each."""
    house.dead("it is 404")
    month = f"{datetime.now(UTC):%Y-%m}"

    shown = house.run("audit", "report", "--json").json
    assert shown["month"] == month
    [line] = shown["providers"]
    assert (line["provider"], line["jobs"], line["open"], line["cost_usd"]) == ("fal", 1, 1, None)
    header, row = house.run("audit", "report", "--csv", "--month", month).out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["cost_usd"] == "unknown"
    table = house.run("audit", "report", "--html", "page.html")
    assert "fal" in table.out
    assert "page.html" in table.err
    assert (house.folder / "page.html").read_text().startswith("<!doctype html>")


def test_a_month_without_anything(house: House) -> None:
    """It says so; CSV is its header alone."""
    assert "nothing" in house.run("audit", "report", "--month", "2020-01").line
    assert house.run("audit", "report", "--month", "2020-01", "--csv").out.count("\n") == 1


@pytest.mark.parametrize(
    "given", [["--month", "2020-13"], ["--month", "now"], ["--csv", "--json"], ["--html", "/nowhere/page.html"]]
)
def test_misuse_is_one_line(house: House, given: list[str]) -> None:
    """It names the argument, with status 2."""
    said = house.run("audit", "report", *given)
    assert said.status == 2
    assert given[0] in said.line


def test_no_gaps(house: House) -> None:
    """Status 0 when nothing is missing."""
    house.job()
    said = house.run("audit", "gaps")
    assert (said.status, said.out) == (0, "no gaps\n")


def test_a_gap_is_named_with_its_mend(house: House) -> None:
    """Status 3, with the job and what to do; `--since` leaves out older jobs."""
    job = house.dead("it is 404")
    said = house.run("audit", "gaps")
    assert said.status == 3
    assert f"proofhook retry {job}" in said.out
    [gap] = house.run("audit", "gaps", "--json").json
    assert (gap["what"], gap["job_id"], gap["provider"]) == ("image", job, "fal")
    assert house.run("audit", "gaps", "--since", "2999-01-01").status == 0
