"""Cursors: where a page ended, as a word for the reader to hand back. What it says is nobody's business but ours."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from receiver.errors import Malformed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
MOST = 120
"""Characters of the longest cursor that can be ours, with room to spare."""
_JOB = re.compile(r"([0-9a-f]{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)
_DELIVERY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Position(NamedTuple):
    """A job's place in the order of pages: when it was opened, and its id among those of that time."""

    at: datetime
    id: str


def of_job(position: Position) -> str:
    """The cursor of the jobs behind that one."""
    return _worded(f"{(position.at - EPOCH) // timedelta(microseconds=1):x}.{position.id}")


def job(cursor: str) -> Position | None:
    """What `of_job` was given; None for the first page. Raises Malformed."""
    if not cursor:
        return None
    found = _JOB.fullmatch(_said(cursor))
    at = timedelta(microseconds=int(found[1], 16)) if found else None
    if found is None or at is None or at > LATEST - EPOCH or of_job(Position(EPOCH + at, found[2])) != cursor:
        raise Malformed(_REFUSED)
    return Position(EPOCH + at, found[2])


def of_delivery(delivery_id: str) -> str:
    """The cursor of the deliveries behind that one."""
    return _worded(delivery_id)


def delivery(cursor: str) -> str | None:
    """What `of_delivery` was given; None for the first page. Raises Malformed."""
    if not cursor:
        return None
    said = _said(cursor)
    if not _DELIVERY.fullmatch(said) or of_delivery(said) != cursor:
        raise Malformed(_REFUSED)
    return said


_REFUSED = "cursor is none that we gave; leave it out, and begin with the first page"


def _worded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _said(cursor: str) -> str:
    """Raises Malformed."""
    try:
        if len(cursor) <= MOST:
            return urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:  # not ASCII, not base64
        pass
    raise Malformed(_REFUSED)
