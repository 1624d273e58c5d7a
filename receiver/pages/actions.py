"""What a button does: a form sent by who may act, answered with the page on which the change stands."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver import acts
from receiver.pages import came_in, views
from receiver.pages.gate import Lobby
from receiver.pages.session import Session


async def retry(lobby: Lobby, request: Request, _session: Session) -> Response:
    """Take a job up again. Raises NoSuchJob."""
    job_id = views.asked_id(request)
    count = await acts.retry(lobby.road, job_id)
    return _back(request, f"/jobs/{job_id}", "retry" if count else "retry-nothing")


async def cancel(lobby: Lobby, request: Request, _session: Session) -> Response:
    """Want no more of a job. Raises NoSuchJob, Impossible."""
    job_id = views.asked_id(request)
    await acts.cancel(lobby.road, job_id)
    return _back(request, f"/jobs/{job_id}", "cancel")


async def redeliver(lobby: Lobby, request: Request, _session: Session) -> Response:
    """Run a stored delivery again. Raises NoSuchDelivery, Impossible."""
    name = came_in.asked_id(request)
    done = await acts.redeliver(lobby.road, name)
    if done.delivery_id is None or done.duplicate:
        return _back(request, f"/deliveries/{name}", "redeliver-same")
    return _back(request, f"/deliveries/{done.delivery_id}", "redeliver")


def _back(request: Request, path: str, did: str) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{path}?did={did}", 303)
