"""A job's stored images, byte for byte: the same answer as the pages give."""

from starlette.requests import Request
from starlette.responses import Response

from receiver.api.asking import NothingAsked, asked
from receiver.api.hatch import Hatch, job_of
from receiver.api.problem import HEADERS
from receiver.pages import files


async def image(hatch: Hatch, request: Request) -> Response:
    """One stored image, as what its first bytes say. Raises NoSuchJob, UnknownEndpoint, Permanent, Unsatisfiable."""
    asked(request, NothingAsked)
    job = await job_of(hatch, request)
    held = files.held(job, request.path_params["n"])
    answer = await files.served(hatch.road.storage, request, str(held.sha256), f"{job.id[:8]}-{held.n}")
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
