"""Errors as problem details (RFC 9457): `application/problem+json` with our slug beside the standard's own fields."""

from http import HTTPStatus

from starlette.responses import Response

from receiver import errors
from receiver.api.models import Problem

MEDIA_TYPE = "application/problem+json"
KIND = "urn:proofhook:problem:"
"""A problem's type is this and its slug: an identifier, not an address."""
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""What every answer to a program carries, unless it has its own word."""

STATUS: dict[type[errors.ProofhookError], HTTPStatus] = {
    errors.NoSuchJob: HTTPStatus.NOT_FOUND,
    errors.NoSuchDelivery: HTTPStatus.NOT_FOUND,
    errors.UnknownEndpoint: HTTPStatus.NOT_FOUND,
    errors.Permanent: HTTPStatus.NOT_FOUND,
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.Unsatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TryLater: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Impossible: HTTPStatus.CONFLICT,
    errors.BrokenEvidence: HTTPStatus.CONFLICT,
    errors.BadOrder: HTTPStatus.CONFLICT,  # of a bundle; what an order lacks is a bad request: see ordering.py
    errors.Misconfigured: HTTPStatus.CONFLICT,
    errors.Refused: HTTPStatus.CONFLICT,
}
"""Class → status; a class without a line has its parent's. What an action cannot do in this state is a conflict."""


def of(error: errors.ProofhookError) -> Response:
    """An error of ours as an answer; one that has no status is a defect: 500, and its sentence."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = problem(status, error.slug, str(error))
    if isinstance(error, errors.TryLater):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unsatisfiable):
        answer.headers["Content-Range"] = error.content_range
    return answer


def problem(status: HTTPStatus, slug: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A problem as an answer."""
    said = Problem(type=f"{KIND}{slug}", title=status.phrase, status=status, detail=detail, error=slug)
    return Response(said.model_dump_json(), status, HEADERS | (headers or {}), MEDIA_TYPE)
