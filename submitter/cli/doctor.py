"""`proofhook doctor`: what would make callbacks fail, and the mend."""

import asyncio
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from submitter.cli import output
from submitter.cli.look import AsJson

if TYPE_CHECKING:
    from receiver.doctor import Check
    from receiver.settings import Settings

FOUND = 3
_SIGNS = {"good": "●", "bad": "■", "unknown": "○"}


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Say what would make callbacks fail: public URL, DNS, TLS, proxy, clock, secrets, keys, disk, database, storage.

    Run it where the receiver runs, with its settings, while `proofhook serve` runs. Status 3 when a check is bad.
    """
    from receiver.log import configure
    from receiver.settings import load

    settings = load()
    configure(settings.log_format, "error")
    with output.working("looking"):
        found = asyncio.run(_look(settings))
    if as_json:
        output.say_json([asdict(each) for each in found])
    else:
        rows = [(f"{_SIGNS[each.state]} {each.state}", each.name, each.says, each.mend or None) for each in found]
        output.table(("state", "check", "says", "mend"), rows)
    if any(each.state == "bad" for each in found):
        raise typer.Exit(FOUND)


async def _look(settings: "Settings") -> "list[Check]":
    from receiver.doctor import Check, checks
    from receiver.doctor.opening import open_images, open_ledger
    from submitter.doctor import keys

    ledger, storage = open_ledger(settings), open_images(settings)
    failed = [each for each in (ledger, storage) if isinstance(each, Check)]
    try:
        found = await checks(
            settings, None if isinstance(ledger, Check) else ledger, None if isinstance(storage, Check) else storage
        )
    finally:
        if not isinstance(ledger, Check):
            ledger.close()
    return [*found, *failed, *_lost(settings), *keys()]


def _lost(settings: "Settings") -> "list[Check]":
    from receiver.doctor.check import bad
    from submitter.cli.disks import will_be_lost

    lost = will_be_lost(settings, os.environ)
    if lost is None:
        return []
    says, _, mend = lost.partition("; ")
    return [bad("wiped disk", says, mend)]
