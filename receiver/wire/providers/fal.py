"""fal.ai's queue, FLUX.1 Kontext [pro]: signed with Ed25519, all results of a job in one callback.

Sources: https://docs.fal.ai/model-apis/model-endpoints/queue and /webhooks; what the status and response URLs
answer from the packages fal-client (Python, `client.py`) and @fal-ai/client (`queue.ts`).
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from receiver.errors import Malformed, ProviderRefused, WrongRequest
from receiver.wire import reading
from receiver.wire.orders import Acknowledged, Asking, Call, Endpoints, Heard, Prepared, Reply
from receiver.wire.provider import Jwks, Pace, Provider
from receiver.wire.providers.fal_params import prepare
from receiver.wire.schemes import fal_ed25519
from receiver.wire.types import Event, Failure, Headers, ImageRef, Outcome, Verified

LINKS = ("status", "response", "cancel")
HOMES = frozenset({"queue.fal.run", "queue.falrun.com"})
REFUSED = range(400, 500)
SILENT = frozenset({*range(300, 400), 401, 403, 404, 405, 408, 409, 425, 429, *range(500, 600)})
"""Statuses of an answer that speak of the question (our key, our pace, an id not known yet), not of the job."""


def compose(_job_id: str, prepared: Prepared, endpoints: Endpoints, base: str) -> Call:
    query = urlencode({"fal_webhook": endpoints.hook})
    return Call("POST", f"{base}/{prepared.model}?{query}", json.dumps(dict(prepared.params)).encode())


def acknowledged(reply: Reply, _job_id: str) -> Acknowledged:
    if reply.status >= reading.NOT_OK:
        raise _refusal(reply)
    body = reading.json_object(reply.body)
    links = {link: reading.maybe_text(body, f"{link}_url", reading.URL) for link in LINKS}
    return Acknowledged(reading.text(body, "request_id"), {link: url for link, url in links.items() if url})


def parse(verified: Verified) -> tuple[Event, ...]:
    """`{"request_id", "status": "OK" | "ERROR", "payload", "error", "payload_error"}`; the id is in the header, too."""
    body = reading.json_object(verified.delivery.body)
    request_id = reading.text(body, "request_id")
    if verified.delivery.headers.get(b"x-fal-webhook-request-id") != request_id.encode():
        raise WrongRequest("the request id in the body is not the one in the signed header")
    status, payload = reading.text(body, "status"), reading.child(body, "payload")
    if status == "ERROR":
        return (_failed(request_id, _said({**body, **payload}, verified.delivery.headers)),)
    if status != "OK" or body.get("payload") is None or body.get("payload_error") is not None:
        # OK, but fal could not write the payload as JSON: the picture exists, and the response URL has it.
        return (_event(request_id, Outcome.UNCLEAR),)
    return (_succeeded(request_id, payload),)


def ask(asking: Asking) -> Call | None:
    return _get(asking, "status") if asking.request_id else None


def cancel(asking: Asking) -> Call | None:
    """PUT to the URL of the acknowledgement. What is queued is removed; what runs may still finish, and call back."""
    return _to(asking, "cancel", "PUT")


def hear(verified: Verified, asking: Asking) -> Heard:
    """The status URL's answer, or the response URL's: the bare output, or `{"detail"}` with an HTTP error."""
    status, request_id = verified.delivery.status, asking.request_id
    if not request_id:
        raise WrongRequest("an answer about a job that fal has not named yet")
    if status in SILENT:
        return Heard()
    body = reading.json_object(verified.delivery.body)
    if reading.maybe_text(body, "request_id") not in {None, request_id}:
        raise WrongRequest("the answer is about another request")
    if status in REFUSED:
        failed = _failed(request_id, _said(body, verified.delivery.headers))
        return Heard((failed,) if body.get("detail") else ())
    if "status" not in body:
        return Heard((_succeeded(request_id, body),))
    return _queued(reading.text(body, "status"), body, verified, asking)


def _queued(state: str, body: Mapping[str, Any], verified: Verified, asking: Asking) -> Heard:
    request_id = asking.request_id or ""
    if state in {"IN_QUEUE", "IN_PROGRESS"}:
        return Heard((_event(request_id, Outcome.PROGRESS),))
    if state != "COMPLETED":
        raise Malformed("the status of the queue is none that fal documents")
    if body.get("error") is not None:  # completed is not succeeded: a job that failed completes, too
        return Heard((_failed(request_id, _said(body, verified.delivery.headers)),))
    return Heard(then=_get(asking, "response"))


def _get(asking: Asking, link: str) -> Call | None:
    return _to(asking, link, "GET")


def _to(asking: Asking, link: str, method: str) -> Call | None:
    """A call to a URL of the acknowledgement: fal's rule, since the path is not the model's.

    None where it leads anywhere but to fal or to the base that we were given: the spending key goes along.
    """
    url = asking.links.get(link, "")
    try:
        to, base = urlsplit(url), urlsplit(asking.base)
    except ValueError:
        return None
    home = to.scheme == "https" and to.netloc in HOMES
    return Call(method, url) if home or (to.scheme, to.netloc) == (base.scheme, base.netloc) else None


def _succeeded(request_id: str, output: Mapping[str, Any]) -> Event:
    """The model's output. `has_nsfw_concepts` changes nothing: fal delivers all the same, and we keep what it does."""
    rows, seed = output.get("images"), reading.maybe_text(output, "seed")
    if not isinstance(rows, list):
        raise Malformed("images is not a list")
    if not rows:
        return _failed(request_id, reading.failure("no_images", "fal says that it is done, and names no image"))
    images = tuple(_image(str(index), row, seed) for index, row in enumerate(reading.children(output, "images")))
    return _event(request_id, Outcome.SUCCEEDED, images)


def _image(key: str, row: Mapping[str, Any], seed: str | None) -> ImageRef:
    """A row of `images`; with `sync_mode` its `url` is a data URI, whose own media type is the one to go by."""
    return reading.picture(
        key,
        reading.text(row, "url", reading.INLINE),
        media_type=lambda: reading.maybe_text(row, "content_type"),
        width=reading.maybe_int(row, "width"),
        height=reading.maybe_int(row, "height"),
        seed=seed,
    )


def _said(body: Mapping[str, Any], headers: Headers) -> Failure:
    """In fal's words: `detail` is a text or a list of `{loc, msg, type}`; without it `error_type` and `error` speak."""
    detail = body.get("detail")
    first = detail[0] if isinstance(detail, list) and detail and isinstance(detail[0], dict) else {}
    kind = (headers.get(b"x-fal-error-type") or b"").decode("latin-1")
    code = first.get("type") or body.get("error_type") or kind or "error"
    return reading.failure(code, first.get("msg") or detail or body.get("error"))


def _failed(request_id: str, failure: Failure) -> Event:
    moderated = failure.code == "content_policy_violation"
    return _event(request_id, Outcome.MODERATED if moderated else Outcome.FAILED, error=failure)


def _event(request_id: str, outcome: Outcome, images: tuple[ImageRef, ...] = (), error: Failure | None = None) -> Event:
    return Event(reading.event_id(request_id, outcome, images), request_id, outcome, images, error)


def _refusal(reply: Reply) -> ProviderRefused:
    try:
        said = _said({"error_type": f"http_{reply.status}", **reading.json_object(reply.body)}, reply.headers)
    except Malformed:
        said = reading.failure(f"http_{reply.status}", None)
    return ProviderRefused(said.code, said.message)


PROVIDER = Provider(
    name="fal",
    title="fal.ai",
    api="https://queue.fal.run",
    url_setting="FAL_URL",
    key_setting="FAL_KEY",
    auth=("authorization", "Key {key}"),
    hosts=("fal.media", "*.fal.media"),
    lifetime=None,  # as the account is set
    keys=Jwks("FAL_JWKS_URL", "https://rest.fal.ai/.well-known/jwks.json"),
    options=("FAL_USER_ID",),
    calls_back=True,
    uploads=False,
    confirm=False,
    pace=Pace(first=timedelta(seconds=120)),
    prepare=prepare,
    compose=compose,
    acknowledged=acknowledged,
    verify=fal_ed25519,
    parse=parse,
    ask=ask,
    hear=hear,
    cancel=cancel,
)
