"""Who may ask: `Authorization: Bearer …` (RFC 6750) with ADMIN_TOKEN, or VIEWER_TOKEN to look and not act."""

from datetime import timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from receiver.api.problem import problem
from receiver.pages.session import is_admin, is_viewer
from receiver.pages.throttle import Throttle
from receiver.road import Road

CHALLENGE = 'Bearer realm="proofhook"'
_NONE = "send Authorization: Bearer and the value of ADMIN_TOKEN, or of VIEWER_TOKEN to look and not act"
_WRONG = "that is no token of ours; `proofhook settings` says where ADMIN_TOKEN comes from"
_VIEWER = "VIEWER_TOKEN lets see everything and change nothing; use ADMIN_TOKEN"


class Admission:
    """Lets requests in by their token. Wrong ones are counted by address, as at the sign-in page."""

    def __init__(self, road: Road, throttle: Throttle | None = None) -> None:
        self._road = road
        self._throttle = throttle or Throttle()

    def refusal(self, request: Request, *, acting: bool) -> Response | None:
        """Why this request is not let in, None where it is. Nothing waits here: tries are counted one by one."""
        token = bearer(request)
        if token is None:
            return problem(HTTPStatus.UNAUTHORIZED, "no_token", _NONE, {"WWW-Authenticate": CHALLENGE})
        who, now = request.client.host if request.client else "", self._road.clock()
        wait = self._throttle.wait(who, now)
        if wait > timedelta(0):
            return _too_often(wait)
        may_act = is_admin(self._road.settings, token)
        if not may_act and not is_viewer(self._road.settings, token):
            self._throttle.failed(who, now)
            challenge = f'{CHALLENGE}, error="invalid_token"'
            return problem(HTTPStatus.UNAUTHORIZED, "wrong_token", _WRONG, {"WWW-Authenticate": challenge})
        self._throttle.succeeded(who)
        return problem(HTTPStatus.FORBIDDEN, "viewer", _VIEWER) if acting and not may_act else None


def bearer(request: Request) -> str | None:
    """The token of the request; None where there is none, or two."""
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _too_often(wait: timedelta) -> Response:
    seconds = -(-wait // timedelta(seconds=1))
    detail = f"too many wrong tokens came from this address; wait {seconds} s"
    return problem(HTTPStatus.TOO_MANY_REQUESTS, "too_many_tries", detail, {"Retry-After": str(seconds)})
