"""`proofhook cancel`, `retry`, `redeliver`: do something about a job or a delivery."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.cli import output
from submitter.cli.look import AsJson, JobId, full_id, looking

if TYPE_CHECKING:
    from receiver.ledger.arrivals import Recorded
    from receiver.ledger.ledger import Ledger

DeliveryId = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="The delivery's id; `proofhook deliveries --json` has it.")
]


def register(app: typer.Typer) -> None:
    for verb in (cancel, retry, redeliver):
        app.command()(verb)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What `receiver.acts` writes with."""

    ledger: "Ledger"
    clock: Callable[[], datetime] = _now


def cancel(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job that has not ended, and tell its provider where that can be told. A late image is still kept."""
    asyncio.run(_cancel(job, as_json))


async def _cancel(given: str, as_json: bool) -> None:
    from receiver import acts
    from receiver.settings import load
    from submitter.calls import Caller
    from submitter.cancel import tell

    settings = load()
    async with looking() as (ledger, _):
        before = await acts.cancel(_Desk(ledger), await full_id(ledger, given))
    caller = Caller(int(settings.max_body_bytes))
    try:
        told = await tell(caller, settings, before)
    finally:
        await caller.aclose()
    if as_json:
        output.say_json({"id": before["id"], "status": "cancelled", "told": told.taken, "detail": told.says})
    else:
        output.say(f"job {before['id']} is cancelled; {told.says}")


def retry(job: JobId, as_json: AsJson = False) -> None:
    """Take a job up again: collect its dead letters, and ask its provider where the end is not known."""
    asyncio.run(_retry(job, as_json))


async def _retry(given: str, as_json: bool) -> None:
    from receiver import acts

    async with looking() as (ledger, _):
        job = await ledger.job(await full_id(ledger, given))
        count = await acts.retry(_Desk(ledger), job.id)
    dead = min(sum(image.state == "dead" for image in job.images), count)
    if as_json:
        output.say_json({"id": job.id, "status": job.status, "retried": count, "images": dead, "asked": count > dead})
    elif count:
        parts = [f"{dead} image{'s' * (dead > 1)} to collect"] if dead else []
        parts += ["a question to its provider"] if count > dead else []
        output.say(f"job {job.id} taken up again: {' and '.join(parts)}; a running `proofhook serve` does it")
    else:
        output.say(f"job {job.id} is {job.status}: there is nothing to retry")


def redeliver(delivery: DeliveryId, as_json: AsJson = False) -> None:
    """Run a stored delivery again, with the keys and the code of now; status 1 when it is refused again."""
    raise typer.Exit(asyncio.run(_redeliver(delivery.strip().lower(), as_json)))


async def _redeliver(given: str, as_json: bool) -> int:
    from receiver import acts
    from receiver.log import configure
    from receiver.road import open_road
    from receiver.settings import load

    settings = load()
    configure(settings.log_format, "warning")
    road = open_road(settings)
    try:
        came = await acts.redeliver(road, given)
    finally:
        await road.aclose()
    refusal = came.refusal
    if as_json:
        facts = {"id": given, "delivery": came.delivery_id, "duplicate": came.duplicate}
        said = {"error": refusal.slug, "detail": str(refusal)} if refusal else {"error": None, "detail": None}
        output.say_json(facts | said)
    else:
        output.say(_outcome(given, came))
    return 1 if refusal else 0


def _outcome(given: str, came: "Recorded") -> str:
    if came.refusal is not None:
        where = f" as delivery {came.delivery_id}" if came.delivery_id else ", as before"
        return f"delivery {given} was refused again{where}: {came.refusal.slug}: {came.refusal}"
    if came.duplicate:
        return f"delivery {given} says nothing new: all of it is in the ledger already"
    return f"delivery {given} was taken, as delivery {came.delivery_id}"
