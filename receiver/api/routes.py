"""The API as an ASGI app: who is let in, which operation is meant, and every refusal as a problem."""

import json
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver.api import openapi, problem
from receiver.api.admission import Admission
from receiver.api.asking import NothingAsked, asked
from receiver.api.hatch import Hatch
from receiver.api.operations import AT, View, paths
from receiver.api.problem import HEADERS
from receiver.api.stream import Stream
from receiver.api.waiting import Waiting
from receiver.errors import ProofhookError, UnknownEndpoint
from receiver.log import get_logger
from receiver.road import Road

log = get_logger("api")
READS = frozenset({"GET", "HEAD"})


class Endpoint:
    """One path with its methods. It answers for every method, so that none of them is told by somebody else."""

    def __init__(self, hatch: Hatch, admission: Admission, views: Mapping[str, View]) -> None:
        self._hatch, self._admission = hatch, admission
        self._views = dict(views) | ({"HEAD": views["GET"]} if "GET" in views else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request)
        if request.method == "HEAD":
            answer.body = b""
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        view = self._views.get(request.method)
        refusal = self._admission.refusal(request, acting=view is not None and request.method not in READS)
        if refusal is not None:
            return refusal
        if view is None:
            allow = ", ".join(sorted(self._views))
            detail = f"this address takes {allow}"
            return problem.problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, {"Allow": allow})
        try:
            return await view(self._hatch, request)
        except ProofhookError as error:
            return problem.of(error)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
        except Exception:
            log.exception("defect in the API", path=request.url.path)
            return problem.problem(HTTPStatus.INTERNAL_SERVER_ERROR, "defect", "a defect of ours; the log has it")


class Nothing(Endpoint):
    """Every other address: nothing, whatever the method, and whoever asks."""

    async def _answer(self, request: Request) -> Response:  # noqa: ARG002  as its parent's
        return problem.of(UnknownEndpoint(f"there is nothing at this address; see {AT}/openapi.json"))


def api_app(road: Road, stream: Stream) -> ASGIApp:
    """Everything below /api."""
    hatch, admission = Hatch(road, stream, Waiting(road, stream.ended)), Admission(road)
    made = partial(Endpoint, hatch, admission)
    routes = [
        Route(f"{AT}{path}", made({name: each.view for name, each in methods.items()}))
        for path, methods in paths().items()
    ]
    routes.append(Route(f"{AT}/openapi.json", made({"GET": _document})))
    nothing = Nothing(hatch, admission, {})
    return Router(routes, redirect_slashes=False, default=nothing)


async def _document(_hatch: Hatch, request: Request) -> Response:
    """What all of this is, for programs that write programs."""
    asked(request, NothingAsked)
    said = json.dumps(openapi.document(request.scope.get("root_path", "")))
    return Response(said, headers=HEADERS, media_type="application/json")
