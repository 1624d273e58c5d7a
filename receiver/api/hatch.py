"""What answers to programs are made with, and the small moves that all of them are made of."""

import asyncio
import re
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from receiver.api.problem import HEADERS
from receiver.api.stream import Stream
from receiver.api.waiting import Waiting
from receiver.errors import NoSuchJob
from receiver.ledger.views import JobView
from receiver.road import Road

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hatch:
    """`packing` lets one bundle be made at a time: each is held in memory, whole."""

    road: Road
    stream: Stream
    waiting: Waiting
    packing: asyncio.Lock = field(default_factory=asyncio.Lock)


def said(answer: BaseModel) -> Response:
    """A model as JSON."""
    return Response(answer.model_dump_json(), headers=HEADERS, media_type="application/json")


def is_id(name: str) -> bool:
    """Whether it can be the id of a job or a delivery."""
    return _ID.fullmatch(name) is not None


async def job_of(hatch: Hatch, request: Request) -> JobView:
    """The job that the address names. Raises NoSuchJob."""
    name = request.path_params["id"]
    if not is_id(name):
        raise NoSuchJob("this is not the id of a job; /api/v1/jobs lists those there are")
    return await hatch.road.ledger.job(name)
