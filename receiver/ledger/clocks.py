"""What a time in a row means to a clock that may be wrong, or may have been when the row was written."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_


def reached(column: ColumnElement[Any], now: datetime, longest: timedelta) -> ColumnElement[bool]:
    """Whether the time has come. `longest` is how far ahead it may lie at most when it is written.

    What lies twice as far ahead was written by a clock that ran ahead (or ours fell behind): waiting for it could
    stop work for hours, so it has come. Doing something early costs a look; twice, because hosts differ by seconds.
    """
    return or_(column <= now, column > now + 2 * longest)
