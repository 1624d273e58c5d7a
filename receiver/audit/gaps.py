"""Gaps: what a provider says it made and we do not have, and callbacks that never came. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from receiver.ledger.report_reading import GapRow

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Gap:
    """`what` is `image` (announced, not collected), `expired` (its URL died before) or `callback` (none ever came).

    `missing` says it in a sentence, `since` from when on, `mend` is a command, or why nothing can be done.
    """

    what: str
    job_id: str
    provider: str
    missing: str
    since: datetime
    mend: str


def gaps(
    images: Iterable[GapRow], silent: Iterable[GapRow], calls_back: Callable[[str], bool], now: datetime
) -> Iterator[Gap]:
    """Every gap: images first, then callbacks, each in the order in which the jobs were opened."""
    for row in images:
        yield _image(row, now)
    for row in silent:
        if row.live or calls_back(row.provider):
            yield _callback(row)


def _image(row: GapRow, now: datetime) -> Gap:
    why = f" ({row.error})" if row.error else ""
    if row.expires_at is not None and row.expires_at <= now:
        missing = f"image {row.key}: its URL expired before it was fetched{why}"
        return Gap("expired", row.job_id, row.provider, missing, row.expires_at, f"{NOTHING}: expired")
    missing = f"image {row.key}: the provider is done, it was never collected{why}"
    if row.live:
        return Gap("image", row.job_id, row.provider, missing, row.dead_at or row.since, _retry(row.job_id))
    return Gap("image", row.job_id, row.provider, missing, row.since, f"{NOTHING}: there is no task for it any more")


def _callback(row: GapRow) -> Gap:
    if row.live:
        missing = f"no word of its end came by the deadline; the job is {row.status}"
        return Gap("callback", row.job_id, row.provider, missing, row.since, _retry(row.job_id))
    missing = "no callback ever came; we learned of its end by asking"
    return Gap("callback", row.job_id, row.provider, missing, row.since, f"{NOTHING}: the job is {row.status}")


def _retry(job_id: str) -> str:
    return f"proofhook retry {job_id}"
