import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from receiver.errors import Malformed, ProviderRefused, WrongRequest
from receiver.wire import schemes
from receiver.wire.orders import Endpoints, InputImage, Order, Reply
from receiver.wire.providers.fal import PROVIDER
from receiver.wire.types import Delivery, Event, Headers, Kind, Outcome, Verified
from tests.receiver.wire import sampling

BASE = "https://queue.fal.run"
IMAGE = "https://v3.fal.media/files/rabbit/rmgBxhwGYb2d3pl3x9sKf_output.png"
JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
HOOK = f"https://hooks.example.com/hooks/fal/{JOB}.x-_y?a=b&c=d"


def verified(case: str, **changed: Any) -> Verified:
    """A sample of `tests/samples/fal`, believed, with keys of its body changed afterwards."""
    sample = sampling.load(f"fal/{case}")
    found = PROVIDER.verify(sample.delivery, sample.trust, sample.now)
    body = json.loads(sample.delivery.body) | changed
    return replace(found, delivery=replace(found.delivery, body=json.dumps(body).encode()))


def test_compose() -> None:
    """The callback URL is percent-encoded whole: its own query stays its own. No key is in the call."""
    call = PROVIDER.compose(
        JOB, PROVIDER.prepare(Order(prompt="dönut 🍩", images=(InputImage(url=IMAGE),))), Endpoints(hook=HOOK), BASE
    )
    parts = urlsplit(call.url)

    assert (call.method, parts.netloc, parts.path) == ("POST", "queue.fal.run", "/fal-ai/flux-pro/kontext")
    assert parse_qs(parts.query, strict_parsing=True) == {"fal_webhook": [HOOK]}
    assert json.loads(call.body or b"") == {"prompt": "dönut 🍩", "image_url": IMAGE}


def test_acknowledged() -> None:
    """The queue's id is the request id, not the gateway's, and the URLs to ask by are fal's own."""
    body = {
        "status": "IN_QUEUE",
        "request_id": "r",
        "gateway_request_id": "g",
        "queue_position": 0,
        "response_url": f"{BASE}/fal-ai/flux-pro/requests/r",
        "status_url": f"{BASE}/fal-ai/flux-pro/requests/r/status",
        "cancel_url": f"{BASE}/fal-ai/flux-pro/requests/r/cancel",
    }

    found = PROVIDER.acknowledged(Reply(200, json.dumps(body).encode()), JOB)

    assert found.request_id == "r"
    assert found.links == {name: body[f"{name}_url"] for name in ("status", "response", "cancel")}


def test_acknowledged_without_links() -> None:
    """An acknowledgement with an id alone is one; there is nothing to ask by then."""
    assert PROVIDER.acknowledged(Reply(200, b'{"request_id": "r", "status_url": null}'), JOB).links == {}


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (
            422,
            '{"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]}',
            "missing",
            "field",
        ),
        (401, '{"detail": "No user found for Key ID and Secret"}', "http_401", "No user found"),
        (403, '{"detail": "User is locked.", "error_type": "user_locked"}', "user_locked", "User is locked."),
        (400, '{"error": "bad"}', "http_400", "bad"),
        (502, "<html>Bad Gateway</html>", "http_502", "no reason"),
        (302, "", "http_302", "no reason"),
        (500, '{"detail": [null]}', "http_500", "no reason"),
    ],
)
def test_refused_order(status: int, body: str, code: str, message: str) -> None:
    """fal's own code and message are kept; where there are none the status stands in."""
    with pytest.raises(ProviderRefused) as caught:
        PROVIDER.acknowledged(Reply(status, body.encode()), JOB)

    assert caught.value.code == code
    assert message in caught.value.message


@pytest.mark.parametrize("request_id", [JOB, "", None, 5, "5057FCA7-2eb3-468f-b95d-cefe92b0b9d4", "ü"])
def test_the_header_names_the_body(request_id: object) -> None:
    """The signed header and the body name one request, or it is another's."""
    with pytest.raises((WrongRequest, Malformed)):
        PROVIDER.parse(verified("done", request_id=request_id))


@pytest.mark.parametrize("changed", [{"payload": None}, {"payload_error": "no JSON"}, {"status": "LOST"}])
def test_unclear(changed: dict[str, Any]) -> None:
    """OK with nothing in it, or a word that nobody knows, is a reason to ask and neither success nor failure."""
    (event,) = PROVIDER.parse(verified("done", **changed))

    assert (event.outcome, event.images, event.error) == (Outcome.UNCLEAR, (), None)


def test_no_image() -> None:
    """Success without a picture is a failure: no question would bring one."""
    (event,) = PROVIDER.parse(verified("done", payload={"images": [], "seed": 1}))

    assert event.outcome is Outcome.FAILED
    assert event.error is not None
    assert event.error.code == "no_images"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"images": {}},
        {"images": [None]},
        {"images": [{"url": ""}]},
        {"images": [{"url": "ftp://fal.media/a"}]},
        {"images": [{"url": "data:image/png,raw"}]},
        {"images": [{"url": "https://fal.media/" + "a" * 5000}]},
        {"images": [{"url": IMAGE, "width": -1}]},
        [],
        "x",
    ],
)
def test_malformed_output(payload: object) -> None:
    """An output that is none of the page's schema is Malformed."""
    with pytest.raises(Malformed):
        PROVIDER.parse(verified("done", payload=payload))


def test_a_name_for_each_outcome() -> None:
    """A late failure does not die as a repeat of a success: event ids tell outcomes apart, not deliveries."""
    ids = {PROVIDER.parse(verified(case))[0].id for case in ("done", "retried", "refused", "moderated", "no-payload")}

    assert len(ids) == 4


def test_no_cost_is_made_up() -> None:
    """fal names no cost in callbacks: none is recorded."""
    events: tuple[Event, ...] = PROVIDER.parse(verified("four-images"))

    assert {event.cost for event in events} | {image.cost for image in events[0].images} == {None}
    assert Decimal(0) not in {event.cost for event in events}


def test_facts() -> None:
    """What the rest builds on: hosts, keys, settings; fal calls back, and cannot put images to us."""
    assert PROVIDER.hosts == ("fal.media", "*.fal.media")
    assert PROVIDER.options == ("FAL_USER_ID",)
    assert (PROVIDER.calls_back, PROVIDER.uploads, PROVIDER.confirm) == (True, False, False)
    assert PROVIDER.auth == ("authorization", "Key {key}")


def test_a_junk_delivery_of_no_kind() -> None:
    """A callback cannot be passed off as an answer: `parse` wants the signed header."""
    found = schemes.asked(
        Delivery("fal", Kind.ANSWER, JOB, Headers(), b'{"request_id": "r"}', sampling.load("fal/done").now)
    )

    with pytest.raises(WrongRequest):
        PROVIDER.parse(found)
