"""What follows for a job from one event: standing, times, error, cost, and the numbers of its images. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from receiver.ledger import rules
from receiver.ledger.arrivals import Arrival
from receiver.ledger.rules import Standing
from receiver.wire.types import Event, Outcome

UPLOAD_PATIENCE = timedelta(seconds=60)
"""How long a result that will be PUT to us is waited for before its URL is fetched instead."""
LONGEST_LIFE = 10 * 365 * 86400
"""Seconds; a longer `ttl` than ten years would overflow a time."""
LONGEST_INDEX = 4
"""Digits of an index: a name that a stranger chose may look like a number that fits no column."""


def stand(job: Mapping[str, Any], after: Standing, at: Any) -> dict[str, Any]:
    """The columns that follow from a new standing: the public word, the times, and no more questions at the end."""
    changes: dict[str, Any] = {"standing": int(after), "status": rules.STATUS[after]}
    if after >= Standing.SUBMITTED and job["submitted_at"] is None:
        changes["submitted_at"] = at
    if after >= Standing.EXPIRED:
        changes["ask_at"] = None
        if job["standing"] < min(after, Standing.SUCCEEDED):
            changes["finished_at"] = at
    if after is Standing.DELIVERED and job["delivered_at"] is None:
        changes["delivered_at"] = at
    return changes


def least_error(job: Mapping[str, Any], event: Event, after: Standing) -> dict[str, Any]:
    """Of several failures the least by code and message is kept, so that their order cannot matter."""
    if after >= Standing.SUCCEEDED:
        return {"error_code": None, "error_message": None}
    if after is not Standing.FAILED or event.outcome not in {Outcome.FAILED, Outcome.MODERATED}:
        return {}
    code = event.error.code if event.error else event.outcome.value
    said = (code, event.error.message if event.error else "the provider gave no reason")
    if job["standing"] == Standing.FAILED and job["error_code"]:
        said = min(said, (job["error_code"], job["error_message"] or ""))
    return {"error_code": said[0], "error_message": said[1]}


def number(key: str, held: int) -> int:
    """Results are numbered from 1: by their index where the wire has one, else in order of arrival."""
    if len(key) <= LONGEST_INDEX and key.isascii() and key.isdigit():
        return int(key) + 1
    return held + 1


def expiry(ttl: object, arrival: Arrival) -> datetime | None:
    """When a result's URL dies: `ttl` is the order's own (seconds), else the provider's lifetime counts."""
    lifetime = arrival.lifetime
    if isinstance(ttl, int):
        lifetime = timedelta(seconds=min(ttl, LONGEST_LIFE))
    return arrival.came_at + lifetime if lifetime is not None else None


def digits(cost: Decimal) -> str:
    """A decimal string as the contract has it: never an exponent."""
    return f"{cost:f}"
