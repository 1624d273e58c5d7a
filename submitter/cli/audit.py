"""`proofhook audit …`: what was delivered, checked and proved."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.cli import audit_bundle, audit_report, output
from submitter.cli.look import AsJson, looking, moment

if TYPE_CHECKING:
    from datetime import datetime

    from receiver.audit.findings import Report

WRONG = 3
"""The exit status of a check that found something."""
EACH = 500
"""Rows between two lines of progress."""

verbs = typer.Typer(help="Check, hand over and report what was delivered.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(verbs, name="audit")
    audit_bundle.register(verbs)
    audit_report.register(verbs)


@verbs.command()
def verify(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="T", help="Signatures and images of this time only: RFC 3339, or an age. The trail is always whole."
        ),
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Rehash and decode every stored image, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute the tree, compare every row with what was sealed, and verify every signature again.

    Exit status 3 when anything was changed, removed, inserted, reordered, rolled back, forged or is missing.
    """
    report = asyncio.run(_verify(moment(since) if since else None, images))
    if as_json:
        output.say_json(_shape(report))
    else:
        _tell(report)
    if report.findings:
        raise typer.Exit(WRONG)


async def _verify(since: "datetime | None", images: bool) -> "Report":
    from receiver.audit.findings import Report
    from receiver.audit.verify import Verifier
    from receiver.settings import load

    with output.working("checking") as doing:
        report = Report(progress=lambda what, count: doing(f"{count:,} {what}") if count % EACH == 0 else None)
        async with looking() as (ledger, storage):
            await Verifier(ledger, storage, load()).run(report, since, deep=images)
    return report


def _shape(report: "Report") -> dict[str, Any]:
    findings = [{"what": each.what, "where": each.where, "detail": each.detail} for each in report.findings]
    return {"good": not findings, "checked": dict(report.checked), "findings": findings, "noted": report.noted}


def _tell(report: "Report") -> None:
    if report.findings:
        rows = [(each.what, each.where, each.detail) for each in report.findings]
        output.table(("what", "where", "detail"), rows, spare=("detail",))
    for sentence in report.noted:
        output.note(sentence)
    looked = ", ".join(f"{count:,} {what}" for what, count in report.checked.items()) or "nothing"
    output.say(f"{'NOT good' if report.findings else 'good'}: checked {looked}; found {len(report.findings)}")
