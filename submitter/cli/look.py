"""`proofhook jobs`, `show`, `wait`, `deliveries`: look at what there is, and wait for it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.cli import output

if TYPE_CHECKING:
    from receiver.ledger.ledger import Ledger
    from receiver.ledger.views import JobView
    from receiver.storage import Storage
    from submitter.client import Job

NEWEST, SHORTEST = 1000, 4
"""An id may be cut down to its first four characters or more, where it is one of the newest thousand jobs'."""
_SPAN = re.compile(r"(\d{1,9})\s*([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Status(StrEnum):
    """A job's public words (contract §6)."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Timeout = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Longest wait; until the job ends when not given.")
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or its first characters (at least 4).")]
JobIds = Annotated[list[str], typer.Argument(metavar="JOB...", help="Ids of jobs, or their first characters.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Most rows to print, newest first.")]
Since = Annotated[
    str | None, typer.Option(metavar="T", help="Only jobs opened since: RFC 3339, or an age as 90s, 30m, 2h, 3d, 1w.")
]


def register(app: typer.Typer) -> None:
    for verb in (jobs, show, wait, deliveries):
        app.command()(verb)


def jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs of this status.", show_default=False)] = None,
    provider: Annotated[str | None, typer.Option(help="Only jobs of this provider.")] = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    asyncio.run(_jobs(status, provider, moment(since) if since else None, limit, as_json))


async def _jobs(status: Status | None, provider: str | None, since: datetime | None, limit: int, as_json: bool) -> None:
    from receiver import registry
    from receiver.ledger.shapes import job_json

    name = registry.named(provider).name if provider else None
    async with looking() as (ledger, storage):
        found = await ledger.jobs(status=status.value if status else None, provider=name, since=since, limit=limit)
        if as_json:
            output.say_json([job_json(await ledger.job(one.id), storage) for one in found])
        elif found:
            output.job_table(found)
        else:
            output.note("no jobs")


def show(job: JobId, as_json: AsJson = False) -> None:
    """Show everything that is known of one job."""
    asyncio.run(_show(job, as_json))


async def _show(given: str, as_json: bool) -> None:
    from dataclasses import replace

    from receiver.audit.provenance.reading import of_images
    from receiver.ledger.shapes import job_json, purge_json
    from submitter.cli.provenance import with_provenance

    async with looking() as (ledger, storage):
        job = await ledger.job(await full_id(ledger, given))
        made = await of_images(storage, job.images)
        if as_json:
            more = {"images": with_provenance(job, storage, made), "purged": purge_json(job.purged)}
            output.say_json(job_json(job, storage) | more)
            return
        where = [replace(image, path=storage.path(image.sha256 or "")) for image in job.images]
        output.job_page(replace(job, images=tuple(where)), made)


def wait(job: JobIds, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Wait until jobs have come to their end; status 0 when every one was delivered."""
    raise typer.Exit(asyncio.run(_wait(job, timeout, as_json)))


async def _wait(given: list[str], timeout: float | None, as_json: bool) -> int:  # noqa: ASYNC109  the option's own name
    from receiver.ledger.shapes import job_json
    from receiver.log import configure
    from receiver.settings import load
    from submitter.client import Submitter, open_desk

    settings = load()
    configure(settings.log_format, "warning")
    desk = open_desk(settings)
    async with Submitter(desk=desk) as submitter:
        ids = dict.fromkeys([await full_id(desk.road.ledger, one) for one in given])
        with output.working(f"waiting for {len(ids)} job{'s' * (len(ids) > 1)}"):
            views = await asyncio.gather(*(until_end(submitter.job(one), timeout) for one in ids))
    if as_json:
        output.say_json([job_json(view, desk.road.storage) for view in views])
    else:
        output.job_table(views)
    reasons = [reason for view in views if (reason := output.why(view))]
    for reason in reasons:
        output.complain(reason)
    return 1 if reasons else 0


def deliveries(
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only those of this job.")] = None,
    verdict: Annotated[
        str | None, typer.Option(help="Only those of this verdict: verified, unsigned, asked, bad_signature, ...")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List every request that came in, believed or refused, newest first."""
    asyncio.run(_deliveries(job, verdict, limit, as_json))


async def _deliveries(given: str | None, verdict: str | None, limit: int, as_json: bool) -> None:
    from receiver.ledger.shapes import delivery_json

    async with looking() as (ledger, _):
        job_id = await full_id(ledger, given) if given else None
        found = await ledger.deliveries(job_id=job_id, verdict=verdict, limit=limit)
        if as_json:
            output.say_json([delivery_json(one) for one in found])
        elif found:
            output.delivery_table(found)
        else:
            output.note("no deliveries")


@asynccontextmanager
async def looking() -> "AsyncIterator[tuple[Ledger, Storage]]":
    """Ledger and storage for a look: no keys are needed, and only warnings are logged."""
    from receiver.ledger.ledger import Ledger
    from receiver.log import configure
    from receiver.settings import load
    from receiver.storage import open_storage

    settings = load()
    configure(settings.log_format, "warning")
    storage = open_storage(settings.storage_url, settings.account)
    ledger = Ledger(settings.database_url)
    try:
        yield ledger, storage
    finally:
        ledger.close()


async def full_id(ledger: "Ledger", given: str) -> str:
    """The id of the job that is meant. Raises NoSuchJob, or BadOrder where several begin so."""
    from receiver.errors import BadOrder, NoSuchJob

    wanted = given.strip().lower()
    try:
        return (await ledger.job(wanted)).id
    except NoSuchJob:
        if len(wanted) < SHORTEST:
            raise
    found = [job.id for job in await ledger.jobs(limit=NEWEST) if job.id.startswith(wanted)]
    if not found:
        raise NoSuchJob(f"JOB: there is no job {given}; `proofhook jobs` lists those there are")
    if len(found) > 1:
        raise BadOrder(f"JOB: {len(found)} jobs begin with {given}; write more of the id")
    return found[0]


def moment(text: str, now: datetime | None = None) -> datetime:
    """A time from RFC 3339 (UTC where it has no zone) or an age. Raises BadParameter."""
    try:
        if age := _SPAN.fullmatch(text.strip()):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text[:40]!r} is no time; write 2025-01-31T09:00:00Z, or an age as 2h or 3d", param_hint="--since"
        ) from None


async def until_end(job: "Job", timeout: float | None) -> "JobView":  # noqa: ASYNC109  the option's own name
    """The job at its end, or as it stands after `timeout` seconds."""
    try:
        return await job.wait(timeout)
    except TimeoutError:
        return await job.now()
