"""`proofhook keys …` and `purge`: the keys under our checkpoints, and what is kept no longer."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.cli import output
from submitter.cli.look import AsJson, full_id, looking

if TYPE_CHECKING:
    from receiver.audit.lineage import OurKey
    from receiver.audit.purge import Purger
    from receiver.ledger.ledger import Ledger
    from receiver.ledger.purgeable import Ended

TRIES, PAUSE = 20, 0.1
"""How often we try to seal while another process does, and the seconds in between."""
RESTART = (
    "restart `proofhook serve` before anything is submitted: until then it does not know the new secret, refuses the "
    "callbacks of jobs that do, and has to ask for their results; its first checkpoint after that is by the new key"
)
TAKEN_UP = (
    "a running `proofhook serve` takes it up, with the first callback that needs it and with the next checkpoint, "
    "which the new key signs"
)

verbs = typer.Typer(help="Our own keys: who signs the checkpoints, a fresh secret, and a new one behind the old.")


def register(app: typer.Typer) -> None:
    app.add_typer(verbs, name="keys", invoke_without_command=True)
    app.command()(purge)


@verbs.callback()
def keys(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the keys that sign checkpoints: which is in use, since when, and whether its secret is here."""
    if context.invoked_subcommand is None:
        show(as_json)


@verbs.command("list")
def show(as_json: AsJson = False) -> None:
    """Show the keys that sign checkpoints: which is in use, since when, and whether its secret is here."""
    found = asyncio.run(_keys())
    if as_json:
        output.say_json([_shape(key) for key in found])
        return
    rows = [(key.state, key.since, "yes" if key.held else "no", key.vkey) for key in found]
    output.table(("state", "since", "secret here", "key"), rows, spare=("secret here",))


async def _keys() -> "list[OurKey]":
    from receiver.audit.lineage import lineage
    from receiver.audit.seal import trail_name
    from receiver.settings import load

    settings = load()
    async with looking() as (ledger, _):
        return await lineage(ledger, settings.secrets, trail_name(settings))


def _shape(key: "OurKey") -> dict[str, Any]:
    return {"vkey": key.vkey, "state": key.state, "since": key.since, "secret_here": key.held}


@verbs.command()
def new(as_json: AsJson = False) -> None:
    """Print a fresh secret, fit for PROOFHOOK_SECRET or ADMIN_TOKEN; nothing is read, kept or changed.

    For a house that has none yet. Where there is one, `proofhook keys rotate` puts a new one behind it.
    """
    from receiver.keyfile import fresh_secret

    secret = fresh_secret()
    if as_json:
        output.say_json({"secret": secret})
    else:
        output.say(secret)


@verbs.command()
def rotate() -> None:
    """Make a new secret behind the old ones, which stay: they open the callback URLs of jobs on their way.

    The old checkpoint key signs the new one as soon as `serve` runs with both.
    """
    from receiver.keyfile import fresh_secret, key_file
    from receiver.keyfile import rotate as rotated
    from receiver.settings import load

    settings = load()
    held, file = len(settings.secrets), key_file(settings.database_url)
    if settings.proofhook_secret or file is None:
        output.say(fresh_secret())
        output.note("append it to PROOFHOOK_SECRET behind a comma, newest last, and leave what is there; then")
        output.note(RESTART)
    else:
        rotated(file)
        output.say(f"a new secret stands behind the {'one' if held == 1 else held} of before in {file}")
        output.note(TAKEN_UP)


def purge(
    older_than: Annotated[
        int | None,
        typer.Option(
            min=1, max=36500, metavar="DAYS", help="Jobs that ended before so many days; RETENTION_DAYS else."
        ),
    ] = None,
    job: Annotated[
        list[str] | None, typer.Option(metavar="JOB", help="This job, whenever it ended; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print which jobs it would be, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep prompts, headers, URLs and images of ended jobs no longer. What was sealed of them stays, as hashes.

    That they were purged is sealed first, and `audit verify` says so. There is no way back.
    """
    if job and older_than is not None:
        raise typer.BadParameter("it is one or the other", param_hint="--job / --older-than")
    asyncio.run(_purge(older_than, job or [], dry_run, yes, as_json))


async def _purge(older_than: int | None, given: list[str], dry_run: bool, yes: bool, as_json: bool) -> None:
    from receiver.audit.purge import Purger
    from receiver.settings import load

    days = older_than or load().retention_days
    if not given and days is None:
        raise typer.BadParameter("say how old, or set RETENTION_DAYS", param_hint="--older-than")
    async with looking() as (ledger, storage):
        purger = Purger(ledger, storage, lambda: datetime.now(UTC))
        if given:
            found = await purger.named(list(dict.fromkeys([await full_id(ledger, one) for one in given])))
        else:
            found = await purger.due(days or 0)
        if dry_run:
            _would(found, as_json)
            return
        if found and not yes:
            if not sys.stdin.isatty():
                raise typer.BadParameter("nobody is there to be asked; say --yes", param_hint="--yes")
            typer.confirm(f"Purge {_jobs(found)}? There is no way back", abort=True, err=True)
        why = "by hand" if given else f"older than {days} days, by hand"
        jobs, files = await _purged(ledger, purger, found, why)  # and what was begun before
        while not given and (found := await purger.due(days or 0)):
            more = await _purged(ledger, purger, found, why)
            jobs, files = jobs + more[0], files + more[1]
    if as_json:
        output.say_json({"jobs": jobs, "files": files})
    else:
        output.say(f"purged {jobs} job{'s' * (jobs != 1)}, {files} file{'s' * (files != 1)}")


async def _purged(ledger: "Ledger", purger: "Purger", found: "Sequence[Ended]", why: str) -> tuple[int, int]:
    """Begin, have it sealed, finish. Raises BrokenEvidence where nothing can be sealed: then nothing is gone."""
    from receiver.audit.seal import open_sealer
    from receiver.errors import SealedElsewhere
    from receiver.settings import load

    await purger.begin(found, why)
    jobs = files = 0
    for _ in range(TRIES):
        with suppress(SealedElsewhere):  # a running `serve` seals, too
            await open_sealer(ledger, load(), lambda: datetime.now(UTC)).work()
        done = await purger.finish()
        jobs, files = jobs + done[0], files + done[1]
        if not await purger.left():
            break
        await asyncio.sleep(PAUSE)
    return jobs, files


def _would(found: "Sequence[Ended]", as_json: bool) -> None:
    from receiver.ledger.shapes import moment

    if as_json:
        output.say_json(
            [
                {"id": each.id, "provider": each.provider, "status": each.status, "ended_at": moment(each.ended_at)}
                | {"files": len(each.files)}
                for each in found
            ]
        )
    elif found:
        rows = [(output.clock(each.ended_at), each.provider, each.status, len(each.files), each.id) for each in found]
        output.table(("ended", "provider", "status", "files", "job"), rows, spare=("provider", "status"))
    output.note(f"{_jobs(found)} would be purged")


def _jobs(found: "Sequence[Ended]") -> str:
    from receiver.audit.purge import MOST

    return f"{len(found)} job{'s' * (len(found) != 1)}{' or more' * (len(found) == MOST)}"
