"""Fireworks AI, FLUX.1 Kontext: a secret goes out with the job, a callback of undocumented form comes back.

Source: https://docs.fireworks.ai/api-reference (generate-or-edit-image-using-flux-kontext; get-generated-image-…).
What the callback looks like and how `webhook_secret` is used is documented nowhere. The parameters mirror Black
Forest Labs' own API, so its callback is assumed (`X-BFL-Signature: sha256=<hex>`), name and form are settings, and
a callback that nobody signed is only a hint: `confirm` has it asked about before it is believed.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Literal

from receiver.errors import BadOrder, BadSignature
from receiver.wire import reading
from receiver.wire.orders import Acknowledged, Asking, Call, Endpoints, Heard, Prepared, Reply
from receiver.wire.provider import Derived, Pace, Provider
from receiver.wire.providers.fireworks_params import prepare
from receiver.wire.schemes import capability, hmac_sha256
from receiver.wire.types import Delivery, Event, ImageRef, Outcome, Trust, Verified

PATH = "/inference/v1/workflows/accounts/fireworks/models/"
HOOK_URL = 2083
FORMS: dict[str, tuple[bytes, Literal["hex", "base64"]]] = {
    "sha256=hex": (b"sha256=", "hex"),
    "hex": (b"", "hex"),
    "base64": (b"", "base64"),
}


def compose(_job_id: str, prepared: Prepared, endpoints: Endpoints, base: str) -> Call:
    if not 1 <= len(endpoints.hook) <= HOOK_URL:
        raise BadOrder(f"fireworks takes a callback URL of at most {HOOK_URL} characters: shorten PUBLIC_URL")
    body = {**prepared.params, "webhook_url": endpoints.hook, "webhook_secret": endpoints.secret}
    return Call("POST", f"{base}{PATH}{prepared.model}", json.dumps(body).encode())


def acknowledged(reply: Reply, _job_id: str) -> Acknowledged:
    if reply.status >= reading.NOT_OK:
        raise reading.refusal(reply)
    return Acknowledged(reading.text(reading.json_object(reply.body), "request_id"))


def verify(delivery: Delivery, trust: Trust, now: datetime) -> Verified:
    """A signature that is there must verify; without one the token in the URL is all there is.

    The settings name the header and the form (`sha256=hex`, `hex`, `base64`); an unknown form lets nobody in.
    """
    header = (trust.options.get("FIREWORKS_SIGNATURE_HEADER") or "X-BFL-Signature").lower().encode("utf-8", "replace")
    form = FORMS.get(trust.options.get("FIREWORKS_SIGNATURE_FORM") or "sha256=hex")
    if not delivery.headers.all(header):
        return capability(delivery)
    if form is None:
        raise BadSignature(f"FIREWORKS_SIGNATURE_FORM is none of {', '.join(FORMS)}")
    return hmac_sha256(delivery, trust, now, header=header, prefix=form[0], encoding=form[1])


def parse(verified: Verified) -> tuple[Event, ...]:
    """`{"id" | "request_id", "status", "result": {"sample"}, "error", "message"}`, as BFL's."""
    body = reading.json_object(verified.delivery.body)
    return (_event(body, reading.either(body, "request_id", "id") or reading.text(body, "id")),)


def ask(asking: Asking) -> Call | None:
    """A POST: the page says GET, its own samples and every integrator POST."""
    if asking.request_id is None:
        return None
    body = json.dumps({"id": asking.request_id}).encode()
    return Call("POST", f"{asking.base}{PATH}{asking.model}/get_result", body)


def hear(verified: Verified, asking: Asking) -> Heard:
    """The words of the callback, the id left out at times; an HTTP error says nothing about the job."""
    if verified.delivery.status >= reading.NOT_OK:
        return Heard()
    body = reading.json_object(verified.delivery.body)
    named = reading.either(body, "request_id", "id") or asking.request_id
    return Heard((_event(body, named or reading.text(body, "id")),))


def _event(body: dict[str, Any], request_id: str) -> Event:
    said = reading.text(body, "status")
    status = said.replace("_", " ").casefold()
    images: tuple[ImageRef, ...] = ()
    error = None
    outcome = Outcome.UNCLEAR  # a word that nobody has heard yet, or success without a picture: worth a question
    if status in {"ready", "success"} and (images := _images(body)):
        outcome = Outcome.SUCCEEDED
    elif status in {"error", "failed"} or status.endswith("moderated"):
        error = reading.complaint({**body, "message": body.get("message") or _reasons(body)}, said)
        outcome = Outcome.MODERATED if status.endswith("moderated") else reading.blamed(error)
    elif status in {"pending", "task not found"}:  # the latter is said of a job that has only just been taken
        outcome = Outcome.PROGRESS
    return Event(reading.event_id(request_id, outcome, images), request_id, outcome, images, error)


def _images(body: dict[str, Any]) -> tuple[ImageRef, ...]:
    sample = reading.child(body, "result").get("sample")
    return (reading.picture("0", sample),) if isinstance(sample, str) and sample else ()


def _reasons(body: dict[str, Any]) -> str:
    """`details` of a moderated picture, `{"Moderation Reasons": ["…"]}`, in one line."""
    details = body.get("details")
    listed = details.values() if isinstance(details, dict) else ()
    return "; ".join(
        each for reasons in listed if isinstance(reasons, list) for each in reasons if isinstance(each, str)
    )


PROVIDER = Provider(
    name="fireworks",
    title="Fireworks AI",
    api="https://api.fireworks.ai",
    url_setting="FIREWORKS_URL",
    key_setting="FIREWORKS_API_KEY",
    auth=("authorization", "Bearer {key}"),
    # Documented nowhere: the maker's own hosts and Fireworks', and IMAGE_HOSTS for what an operator sees besides.
    # BFL's Azure names would have to be exact (a storage account there is anybody's), and only one is known in full.
    hosts=("bfl.ai", "*.bfl.ai", "*.fireworks.ai", "bfldeliveryprod.blob.core.windows.net"),
    lifetime=timedelta(minutes=10),  # BFL's; Fireworks documents none, and the shorter guess loses no picture
    keys=Derived(),
    options=("FIREWORKS_SIGNATURE_HEADER", "FIREWORKS_SIGNATURE_FORM"),
    calls_back=True,
    uploads=False,
    confirm=True,
    pace=Pace(first=timedelta(seconds=20)),
    prepare=prepare,
    compose=compose,
    acknowledged=acknowledged,
    verify=verify,
    parse=parse,
    ask=ask,
    hear=hear,
)
