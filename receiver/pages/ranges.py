"""A part of a file, as a client asks for it (RFC 9110 §14). One range; of several the whole may be sent."""

import re

from starlette.requests import Request

from receiver.errors import Unsatisfiable

_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,40})-([0-9]{0,40})|-([0-9]{1,40}))[ \t]*", re.ASCII | re.IGNORECASE)


def asked(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """The wanted bytes of a file of `size`, as start and stop (one past the last); None where all of it is to be sent.

    That is: without a range, with one that cannot be read, with several, where `If-Range` names other bytes (§13.1.5),
    and to any method but GET. Raises Unsatisfiable.
    """
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or request.method != "GET" or request.headers.get("if-range", etag).strip() != etag:
        return None
    first, last, ending = found.groups()
    if ending is not None:
        start, stop = max(0, size - int(ending)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise Unsatisfiable(size)
    return start, stop
