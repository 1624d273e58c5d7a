"""`proofhook audit report` and `audit gaps`: a month in figures, and what should be here and is not."""

import asyncio
import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.cli import output
from submitter.cli.look import AsJson, Since, looking, moment

if TYPE_CHECKING:
    from receiver.audit.gaps import Gap
    from receiver.audit.report import Month

WRONG = 3
"""The exit status of a check that found something."""


def register(verbs: typer.Typer) -> None:
    for verb in (report, gaps):
        verbs.command()(verb)


def report(
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="The month in UTC; the current one when not given.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write a page with plots there, too.")
    ] = None,
) -> None:
    """What was sent, delivered, refused and paid in a month, for each provider.

    Late: delivered after the deadline, or learned of by asking where a callback should have come first.
    """
    from receiver.audit.report import shape

    if as_csv and as_json:
        raise typer.BadParameter("it is one or the other", param_hint="--csv / --json")
    found = asyncio.run(_report(month))
    if html is not None:
        _write(html, found)
    if as_json:
        output.say_json(shape(found))
    elif as_csv:
        typer.echo(_csv(found), nl=False)
    else:
        _tell(found)


async def _report(given: str | None) -> "Month":
    from receiver.audit import report as figures
    from receiver.ledger.report_reading import Reading

    name = given or f"{datetime.now(UTC):%Y-%m}"
    try:
        begin, end = figures.bounds(name)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{name[:20]!r} is no month; write 2026-03", param_hint="--month") from None
    with output.working("counting"):
        async with looking() as (ledger, _):
            return await ledger.read(lambda c: figures.report(f"{begin:%Y-%m}", Reading(c, begin, end), calls_back))


def calls_back(name: str) -> bool:
    """Whether a provider has callbacks; of one that is not installed any more we know of none."""
    from receiver import registry

    provider = registry.providers().get(name)
    return provider is not None and provider.calls_back


def _write(file: Path, found: "Month") -> None:
    from receiver.audit.report_page import page

    try:
        file.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written ({error.strerror})", param_hint="--html") from None
    output.note(f"written to {file}")


def _csv(found: "Month") -> str:
    from receiver.audit.report import COLUMNS, table

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(table(found))
    return out.getvalue()


def _tell(found: "Month") -> None:
    from receiver.audit.report import COLUMNS, table

    rows = [row[1:] for row in table(found)]
    if not rows:
        output.note(f"nothing was sent, and nothing came, in {found.name}")
        return
    spare = ("bytes", "images", "cancelled", "open", "expired", "duplicates")
    output.table(tuple(name.replace("_", " ") for name in COLUMNS[1:]), rows, spare=spare)


def gaps(since: Since = None, as_json: AsJson = False) -> None:
    """Images that were promised and are not here, URLs that expired unfetched, callbacks that never came.

    Each with what can be done about it. Exit status 3 when there are any.
    """
    found = asyncio.run(_gaps(moment(since) if since else None))
    if as_json:
        output.say_json([_shape(gap) for gap in found])
    elif found:
        rows = [(output.clock(gap.since), gap.what, gap.provider, gap.job_id, gap.missing, gap.mend) for gap in found]
        output.table(("since", "what", "provider", "job", "missing", "what to do"), rows, spare=("provider", "since"))
    else:
        output.say("no gaps")
    if found:
        raise typer.Exit(WRONG)


async def _gaps(since: datetime | None) -> "list[Gap]":
    from receiver.audit import gaps as holes
    from receiver.ledger import report_reading

    now = datetime.now(UTC)
    async with looking() as (ledger, _):
        return await ledger.read(
            lambda c: list(
                holes.gaps(
                    report_reading.lost_images(c, now, since), report_reading.silent(c, now, since), calls_back, now
                )
            )
        )


def _shape(gap: "Gap") -> dict[str, Any]:
    from receiver.ledger.shapes import moment as told

    names = ("what", "job_id", "provider", "missing", "mend")
    return {name: getattr(gap, name) for name in names} | {"since": told(gap.since)}
