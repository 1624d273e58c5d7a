"""Vtrix, FLUX.1 Kontext [pro]: no callback at all, so the job is asked about until it is done.

Source: https://doc.vtrix.ai/docs/api/blackforestlabs/flux-kontext-pro; the wrapped body and the statuses from
github.com/VtrixAI/vtrix-cli, internal/generation/client.go, and its manual (`pending`, `processing`, `task_id`).
"""

import json
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote

from receiver.errors import BadSignature, Malformed
from receiver.wire import reading
from receiver.wire.orders import Acknowledged, Asking, Call, Endpoints, Heard, Prepared, Reply
from receiver.wire.provider import Pace, Provider, Unsigned
from receiver.wire.providers.vtrix_params import prepare
from receiver.wire.types import Delivery, Event, ImageRef, Outcome, Trust, Verified

PATH = "/model/v1/generation"


def compose(_job_id: str, prepared: Prepared, _endpoints: Endpoints, base: str) -> Call:
    """The page lists the parameters flat; the wrapped body is the only one that code is seen to send."""
    body = {"model": prepared.model, "input": [{"params": dict(prepared.params)}]}
    return Call("POST", f"{base}{PATH}", json.dumps(body).encode())


def acknowledged(reply: Reply, _job_id: str) -> Acknowledged:
    if reply.status >= reading.NOT_OK:
        raise reading.refusal(reply)
    body = reading.json_object(reply.body)
    return Acknowledged(reading.either(body, "id", "task_id") or reading.text(body, "id"))


def verify(_delivery: Delivery, _trust: Trust, _now: datetime) -> NoReturn:
    """A door that is shut: there is no callback to believe."""
    raise BadSignature("vtrix sends no callbacks: nothing that comes here is believed")


def parse(_verified: Verified) -> NoReturn:
    raise Malformed("vtrix sends no callbacks")


def ask(asking: Asking) -> Call | None:
    if asking.request_id is None:
        return None
    return Call("GET", f"{asking.base}{PATH}/task/{quote(asking.request_id, safe='')}")


def hear(verified: Verified, asking: Asking) -> Heard:
    """`{"id" | "task_id", "status", "output": [{"content": [{"type", "url"}]}], "usage": {"cost"}, "error"}`.

    Both vocabularies of status are known; an HTTP error says nothing about the job.
    """
    if verified.delivery.status >= reading.NOT_OK:
        return Heard()
    body = reading.json_object(verified.delivery.body)
    said = reading.text(body, "status")
    named = reading.either(body, "id", "task_id") or asking.request_id
    return Heard((_event(body, said, named or reading.text(body, "id")),))


def _event(body: dict[str, Any], said: str, request_id: str) -> Event:
    status = said.casefold()
    images: tuple[ImageRef, ...] = ()
    error = None
    outcome = Outcome.UNCLEAR  # a word that nobody has heard yet, or success without a picture
    if status == "completed" and (images := _images(body)):
        outcome = Outcome.SUCCEEDED
    elif status == "failed" or "moderat" in status:
        error = reading.complaint(body, said)
        outcome = Outcome.MODERATED if "moderat" in status else reading.blamed(error)
    elif status in {"in_progress", "pending", "processing"}:
        outcome = Outcome.PROGRESS
    cost = reading.maybe_decimal(reading.child(body, "usage"), "cost")
    return Event(reading.event_id(request_id, outcome, images), request_id, outcome, images, error, cost)


def _images(body: dict[str, Any]) -> tuple[ImageRef, ...]:
    """`type` is `image`, once `image_url`; video and audio are not ours to keep."""
    contents = (each for output in reading.children(body, "output") for each in reading.children(output, "content"))
    urls = [reading.text(each, "url", reading.INLINE) for each in contents if _is_image(each)]
    return tuple(reading.picture(str(index), url) for index, url in enumerate(urls))


def _is_image(content: dict[str, Any]) -> bool:
    return reading.text(content, "type").casefold().startswith("image")


PROVIDER = Provider(
    name="vtrix",
    title="Vtrix",
    api="https://cloud.vtrix.ai",
    url_setting="VTRIX_URL",
    key_setting="VTRIX_API_KEY",
    auth=("authorization", "Bearer {key}"),
    hosts=("cdn.vtrix.ai",),  # from examples; IMAGE_HOSTS for what an operator sees besides
    lifetime=None,
    keys=Unsigned(),
    options=(),
    calls_back=False,
    uploads=False,
    confirm=False,
    pace=Pace(first=timedelta(seconds=2), grow=1.5, most=timedelta(seconds=30)),
    prepare=prepare,
    compose=compose,
    acknowledged=acknowledged,
    verify=verify,
    parse=parse,
    ask=ask,
    hear=hear,
)
