"""Acting: what a person may do to a job or a delivery, as POST. VIEWER_TOKEN does not get here."""

from starlette.requests import Request
from starlette.responses import Response

from receiver import acts
from receiver.api.asking import NothingAsked, asked
from receiver.api.hatch import Hatch, is_id, job_of, said
from receiver.api.models import Job, Redelivered, Retried
from receiver.errors import NoSuchDelivery
from receiver.ledger import shapes


async def retry(hatch: Hatch, request: Request) -> Response:
    """Take a job up again: its dead letters, and a question to its provider where the end is not known."""
    asked(request, NothingAsked)
    job = await job_of(hatch, request)
    count = await acts.retry(hatch.road, job.id)
    images = min(sum(image.state == "dead" for image in job.images), count)
    return said(Retried(id=job.id, status=job.status, retried=count, images=images, asked=count > images))


async def cancel(hatch: Hatch, request: Request) -> Response:
    """Give a job up. Its provider is not told: this process has no key of it. Raises Impossible."""
    asked(request, NothingAsked)
    job = await job_of(hatch, request)
    await acts.cancel(hatch.road, job.id)
    found = await hatch.road.ledger.job(job.id)
    return said(Job.model_validate(shapes.job_json(found, hatch.road.storage)))


async def redeliver(hatch: Hatch, request: Request) -> Response:
    """Run a stored delivery again. What comes of it is the answer, also where it is refused once more."""
    asked(request, NothingAsked)
    name = request.path_params["id"]
    if not is_id(name):
        raise NoSuchDelivery("this is not the id of a delivery; /api/v1/deliveries lists those there are")
    recorded = await acts.redeliver(hatch.road, name)
    refusal = recorded.refusal
    shape = {
        "id": name,
        "delivery_id": recorded.delivery_id,
        "duplicate": recorded.duplicate,
        "refused": {"error": refusal.slug, "detail": str(refusal)} if refusal else None,
    }
    return said(Redelivered.model_validate(shape))
