"""`proofhook audit export` and `verify-bundle`: evidence handed over, and checked by whoever gets it."""

import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.cli import output
from submitter.cli.look import AsJson, JobIds, full_id, looking

if TYPE_CHECKING:
    from receiver.audit.bundle import Bundle

SHOWN = 1000
"""Characters of a value in the list of what a bundle tells."""


def register(verbs: typer.Typer) -> None:
    verbs.command()(export)
    verbs.command("verify-bundle")(verify_bundle)


def export(
    job: JobIds,
    to: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.zip", help="Where to write the bundle.")],
    redact: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="Leave a field out; its sealed hash stays, and the proof holds. Repeat for more: order_json, params, "
            "tags, idempotency_key, headers, body, url, links, error_message, seed, pictures; `prompt` is order_json, "
            "params, body and error_message; `order` is order_json, params, tags and idempotency_key.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.zip where it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the evidence of jobs to one file that anybody can check: raw requests, pictures, keys and proofs.

    What it tells is listed before it is written. The same jobs give the same bytes.
    """
    _free(to, force)
    made = asyncio.run(_export(job, redact or []))
    for what, detail in made.reveals:
        output.note(f"reveals {what}: {detail if len(detail) <= SHOWN else detail[: SHOWN - 1] + '…'}")
    for each in made.lost:
        output.note(f"not held any more, so not in it: {each}")
    for each in made.echoes:
        output.note(f"note: {each}")
    output.note(f"left out: {', '.join(made.left_out) or 'nothing; --redact FIELD leaves a field out'}")
    if not yes and sys.stdin.isatty() and not typer.confirm(f"Write {to}?", err=True):
        output.note("nothing was written")
        raise typer.Exit(1)
    _write(to, made.data, force)
    sha256 = hashlib.sha256(made.data).hexdigest()
    if as_json:
        output.say_json({"file": str(to), "bytes": len(made.data), "sha256": sha256, "left_out": made.left_out})
    else:
        output.say(f"{to}: {len(made.data)} bytes, SHA-256 {sha256}")


async def _export(given: list[str], redact: list[str]) -> "Bundle":
    from receiver.audit.bundle import export as bundle
    from receiver.settings import load

    with output.working("collecting the evidence"):
        async with looking() as (ledger, storage):
            ids = [await full_id(ledger, one) for one in given]
            return await bundle(ledger, storage, load(), ids, redact)


def _free(to: Path, force: bool) -> None:
    """Raises BadParameter where the file cannot be written, before anything is collected."""
    if to.exists() and not (force and to.is_file()):
        raise typer.BadParameter(f"{to} exists; write another name, or --force", param_hint="-o")
    if not to.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {to.parent}", param_hint="-o")


def _write(to: Path, data: bytes, force: bool) -> None:
    """Whole or not at all, and never over a file that came meanwhile."""
    try:
        handle, draft = tempfile.mkstemp(dir=to.absolute().parent, prefix=f".{to.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            _name(Path(draft), to, force)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(draft).unlink()
    except OSError as error:
        raise typer.BadParameter(f"{to} cannot be written ({error.strerror})", param_hint="-o") from error


def _name(draft: Path, to: Path, force: bool) -> None:
    if not force:
        try:
            os.link(draft, to)
        except FileExistsError:
            raise
        except OSError:
            pass  # a disk without hard links
        else:
            return
    draft.replace(to)


def verify_bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The bundle, or a folder it was unpacked to.")],
    key: Annotated[
        str | None, typer.Option(metavar="VKEY", help="The signing key to trust, as its owner gave it to you.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle with nothing but itself: no settings, no database, no network.

    Exit status 3 when anything in it is changed, forged or missing, 2 when it is no bundle.
    """
    from receiver.audit.stranger.archive import read
    from receiver.audit.stranger.check import WRONG, check
    from receiver.audit.stranger.findings import NotABundle, Report, lines

    report = Report()
    try:
        check(read(file, report), key, report)
    except NotABundle as error:
        raise typer.BadParameter(f"{file} is no bundle: {error}", param_hint="FILE.zip") from error
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read ({error.strerror})", param_hint="FILE.zip") from error
    if as_json:
        output.say_json(report.shape())
    else:
        for line in lines(report):
            output.say(line)
    if report.findings:
        raise typer.Exit(WRONG)
