"""Looking: jobs, deliveries, what is true now."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from receiver.api.asking import MOST_WAITED, DeliveriesAsked, JobAsked, JobsAsked, NothingAsked, asked
from receiver.api.hatch import Hatch, is_id, job_of, said
from receiver.api.models import DeliveryDetail, DeliveryList, Job, JobList
from receiver.api.models_now import Now
from receiver.errors import NoSuchDelivery, Permanent
from receiver.ledger import shapes
from receiver.ledger.gathering import with_deliveries
from receiver.ledger.rules import FINAL
from receiver.ledger.searching import DeliveryDetail as Detail
from receiver.ledger.searching import Wanted
from receiver.wire.types import Kind


async def jobs(hatch: Hatch, request: Request) -> Response:
    """A page of jobs."""
    given = asked(request, JobsAsked)
    wanted = Wanted(**{name: value for name in Wanted.__dataclass_fields__ if (value := getattr(given, name))})
    page = await hatch.road.ledger.search(wanted, given.cursor or "", given.limit)
    found = await hatch.road.ledger.read(lambda c: with_deliveries(c, page.jobs))
    listed = [shapes.job_json(each, hatch.road.storage) for each in found]
    shape = {"jobs": listed, "next": page.next or None, "looked_to": shapes.moment(page.looked_to)}
    return said(JobList.model_validate(shape))


async def job(hatch: Hatch, request: Request) -> Response:
    """One job; with `wait` as soon as it has an end, or as it stands when the time is over."""
    seconds = asked(request, JobAsked).wait
    found = await job_of(hatch, request)
    if seconds and found.status not in FINAL and not found.stuck:
        await hatch.waiting.end_of(found.id, min(seconds, MOST_WAITED))
        found = await hatch.road.ledger.job(found.id)
    return said(Job.model_validate(shapes.job_json(found, hatch.road.storage)))


async def deliveries(hatch: Hatch, request: Request) -> Response:
    """A page of what came in."""
    given = asked(request, DeliveriesAsked)
    page = await hatch.road.ledger.came_in(
        provider=given.provider or "", verdict=given.verdict or "", job_id=given.job_id or "",
        cursor=given.cursor or "", limit=given.limit,
    )  # fmt: skip
    listed = [shapes.delivery_json(each) for each in page.deliveries]
    shape = {"deliveries": listed, "next": page.next or None, "looked_to": shapes.moment(page.looked_to)}
    return said(DeliveryList.model_validate(shape))


async def delivery(hatch: Hatch, request: Request) -> Response:
    """One delivery, with headers and body."""
    asked(request, NothingAsked)
    name = request.path_params["id"]
    if not is_id(name):
        raise NoSuchDelivery("this is not the id of a delivery; /api/v1/deliveries lists those there are")
    found = await hatch.road.ledger.delivery(name)
    body = await _body(hatch, found) if found.body is None else found.body
    return said(DeliveryDetail.model_validate(shapes.delivery_detail_json(found, body)))


async def now(hatch: Hatch, request: Request) -> Response:
    """What is true at this moment."""
    asked(request, NothingAsked)
    view = await hatch.road.ledger.now_view(hatch.road.clock())
    return said(Now.model_validate(shapes.now_json(view, hatch.road.storage)))


async def _body(hatch: Hatch, found: Detail) -> bytes | None:
    """A body that stands in storage; None where it is not kept, or is an image."""
    if found.view.kind == Kind.UPLOAD or not found.view.body_sha256:
        return None
    with suppress(Permanent):
        return await hatch.road.storage.get(found.view.body_sha256)
    return None
