"""Every route of /api/v1 on one page: what it takes, what it answers, and who does it.

The router and the OpenAPI document are both made of this table.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from receiver.api import acting, evidence, live, models, ordering, pictures, reading, stream
from receiver.api.asking import Asked, DeliveriesAsked, JobAsked, JobsAsked, NothingAsked
from receiver.api.hatch import Hatch
from receiver.api.models_evidence import Evidence
from receiver.api.models_now import Now

AT = "/api/v1"
View = Callable[[Hatch, Request], Awaitable[Response]]
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `answers` is a model, or the media types of what is no JSON.

    `problems` are statuses beside those that every route may answer; 202 is no problem, but has the same answer.
    """

    name: str
    path: str
    does: str
    view: View
    answers: type[BaseModel] | tuple[str, ...]
    takes: type[Asked] = NothingAsked
    method: str = "GET"
    problems: tuple[int, ...] = ()
    body: type[BaseModel] | None = None


OPERATIONS: tuple[Operation, ...] = (
    Operation("listJobs", "/jobs", "Jobs, newest first, a page at a time.", reading.jobs, models.JobList, JobsAsked),
    Operation(
        "orderJob", "/jobs",
        "Order pictures: 202 with the job, which is sent at once; 200 where its idempotency key is known.",
        ordering.order, models.Job, method="POST", problems=(202, 403, 409, 413), body=ordering.OrderGiven,
    ),
    Operation(
        "getJob", "/jobs/{id}", "One job; with `wait` as soon as it has an end, or as it stands when the time is over.",
        reading.job, models.Job, JobAsked, problems=(404,),
    ),
    Operation(
        "getImage", "/jobs/{id}/images/{n}", "A stored image, byte for byte as it came, or one `Range` of it.",
        pictures.image, PICTURES, problems=(206, 304, 404, 416),
    ),
    Operation(
        "getEvidence", "/jobs/{id}/evidence", "What is sealed about a job, each entry with its proof.",
        evidence.evidence, Evidence, problems=(404, 409),
    ),
    Operation(
        "getBundle", "/jobs/{id}/bundle", "The evidence as a file that anybody can check (docs/bundle.md).",
        evidence.bundle, (evidence.ZIP,), problems=(404, 409),
    ),
    Operation(
        "retryJob", "/jobs/{id}/retry", "Take a job up again: dead letters, and a question to its provider.",
        acting.retry, models.Retried, method="POST", problems=(403, 404),
    ),
    Operation(
        "cancelJob", "/jobs/{id}/cancel", "Give a job up; its provider is not told, and a late result is still kept.",
        acting.cancel, models.Job, method="POST", problems=(403, 404, 409),
    ),
    Operation(
        "listDeliveries", "/deliveries", "Every request that came in, newest first, a page at a time.",
        reading.deliveries, models.DeliveryList, DeliveriesAsked,
    ),
    Operation(
        "getDelivery", "/deliveries/{id}", "One delivery with headers and body.",
        reading.delivery, models.DeliveryDetail, problems=(404,),
    ),
    Operation(
        "redeliver", "/deliveries/{id}/redeliver", "Run a stored delivery again: verify, parse, record.",
        acting.redeliver, models.Redelivered, method="POST", problems=(403, 404, 409),
    ),
    Operation("getNow", "/now", "What is true at this moment.", reading.now, Now),
    Operation(
        "listen", "/events",
        "Server-sent events: `now` with what /now answers, when it changed; `job` with id and status, when one moved.",
        live.events, (stream.MEDIA_TYPE,),
    ),
)  # fmt: skip


def paths() -> dict[str, dict[str, Operation]]:
    """Path → method → operation."""
    found: dict[str, dict[str, Operation]] = {}
    for each in OPERATIONS:
        found.setdefault(each.path, {})[each.method] = each
    return found
