"""Events for programs that listen."""

from starlette.requests import Request
from starlette.responses import Response

from receiver.api import stream
from receiver.api.asking import NothingAsked, asked
from receiver.api.hatch import Hatch


async def events(hatch: Hatch, request: Request) -> Response:
    """Server-sent events until somebody hangs up. Raises TryLater where too many listen."""
    asked(request, NothingAsked)
    return stream.answer(hatch.stream, request)
