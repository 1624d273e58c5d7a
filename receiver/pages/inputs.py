"""The pictures that went in with an order: those we hold, and the names of those we do not. Pure."""

import re
from dataclasses import dataclass

from receiver.ledger.views import JobView
from receiver.wire.images import FORMATS

MOST = 16
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Input:
    """The n-th input picture, from 1. `sha256` is empty where only its URL is known: no page fetches that."""

    n: int
    sha256: str
    name: str


def of(job: JobView) -> tuple[Input, ...]:
    """Empty where none went in. A purged job's are not held any more."""
    given = job.order.get("images")
    listed = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    return tuple(_input(n, each, gone=job.purged is not None) for n, each in enumerate(listed[:MOST], 1))


def _input(n: int, given: dict[str, object], *, gone: bool) -> Input:
    sha256 = given.get("sha256")
    held = isinstance(sha256, str) and _SHA256.fullmatch(sha256) and given.get("media_type") in FORMATS and not gone
    return Input(n, str(sha256) if held else "", str(given.get("name") or given.get("url") or sha256 or ""))
