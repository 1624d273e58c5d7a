import base64
import hmac
from typing import Any

import pytest
from hypothesis import given

from receiver.errors import BadOrder, BadSignature, Malformed, ProviderRefused, UnknownKey
from receiver.wire.orders import Endpoints, InputImage, Order
from receiver.wire.providers.fireworks import PROVIDER
from receiver.wire.types import Key, KeyKind, Outcome, Trust
from tests.receiver.wire.providers.making import ENDPOINTS, JOB, NOW, answer, asking, hook, raw, reply, sent
from tests.receiver.wire.providers.strange import bodies, tame

READY = {"id": "r-1", "status": "Ready", "result": {"sample": "https://delivery-eu1.bfl.ai/x/sample.png"}}
KEY = Key("derived", KeyKind.HMAC, b"s3cret")
PHOTO = InputImage(data=b"hi", media_type="image/png")
STRANGE = bodies(
    ["id", "request_id", "status", "result", "sample", "error", "message", "details", "code"],
    ["Ready", "Error", "Pending", "Content Moderated", "r-1", "https://x.example/a.png", "data:image/png;base64,aGk="],
)


def digest(body: bytes) -> bytes:
    return hmac.digest(b"s3cret", body, "sha256")


def test_every_parameter_of_the_page() -> None:
    """The named options in Fireworks' words, the model in the path, the callback and its secret from us."""
    order = Order(
        prompt="a cat",
        images=(PHOTO,),
        seed=42,
        aspect_ratio="16:9",
        output_format="png",
        safety=2,
        upsample=True,
        model="flux-kontext-max",
    )
    prepared = PROVIDER.prepare(order)
    call = PROVIDER.compose(JOB, prepared, ENDPOINTS, "https://api.example")
    assert (prepared.expected, prepared.upload) == (1, False)
    assert call.method == "POST"
    assert call.url == "https://api.example/inference/v1/workflows/accounts/fireworks/models/flux-kontext-max"
    assert sent(call.body) == {
        "prompt": "a cat",
        "input_image": "aGk=",
        "seed": 42,
        "aspect_ratio": "16:9",
        "output_format": "png",
        "prompt_upsampling": True,
        "safety_tolerance": 2,
        "webhook_url": ENDPOINTS.hook,
        "webhook_secret": "s3cret",
    }


def test_the_same_by_dash_p() -> None:
    """Each parameter may also come under its own name; what was not said is not sent."""
    extra = {"input_image": "https://example.com/a.png", "seed": 1, "safety_tolerance": 0, "prompt_upsampling": False}
    prepared = PROVIDER.prepare(Order(prompt="x", extra=extra))
    assert prepared.model == "flux-kontext-pro"
    assert prepared.params == {"prompt": "x", **extra}


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order(), "prompt (--prompt) is missing"),
        (Order(prompt="x", safety=7), "safety_tolerance (--safety) must be a whole number from 0 to 6"),
        (Order(prompt="x", safety=3, images=(PHOTO,)), "must be 0 to 2 where there is an input image"),
        (Order(prompt="x", extra={"safety_tolerance": 6, "input_image": "aGk="}), "must be 0 to 2"),
        (Order(prompt="x", aspect_ratio="3:1"), "between 21:9 and 9:21"),
        (Order(prompt="x", output_format="webp"), "output_format (--format) must be jpeg or png"),
        (Order(prompt="x", model="flux"), "model (--model) must be flux-kontext-pro or flux-kontext-max"),
        (Order(prompt="x", count=2), "one image per job; leave out --n"),
        (Order(prompt="x", upload=True), "leave out --upload"),
        (Order(prompt="x", images=(PHOTO, PHOTO)), "at most 1 input image"),
        (Order(prompt="x", extra={"webhook_url": "https://evil.example"}), "webhook_url is set by proofhook itself"),
        (Order(prompt="x", extra={"webhook_secret": "x"}), "webhook_secret is set by proofhook itself"),
        (Order(prompt="x", seed=1, extra={"seed": 1}), "seed is given twice"),
    ],
)
def test_what_fireworks_cannot_do_is_a_sentence(order: Order, names: str) -> None:
    """Before any money is spent."""
    with pytest.raises(BadOrder) as refused:
        PROVIDER.prepare(order)
    assert names in str(refused.value)


def test_a_callback_url_beyond_the_pages_bound() -> None:
    """2083 characters, and the mend is named."""
    with pytest.raises(BadOrder, match="shorten PUBLIC_URL"):
        PROVIDER.compose(JOB, PROVIDER.prepare(Order(prompt="x")), Endpoints(hook="h" * 2084), "https://api.example")


def test_the_acknowledgement() -> None:
    """The request id, or the provider's own no."""
    assert PROVIDER.acknowledged(reply({"request_id": "r-1"}), JOB).request_id == "r-1"
    with pytest.raises(ProviderRefused) as refused:
        PROVIDER.acknowledged(reply({"error_message": "Prompt is empty"}, 400), JOB)
    assert (refused.value.code, refused.value.message) == ("http_400", "Prompt is empty")
    with pytest.raises(Malformed):
        PROVIDER.acknowledged(reply({"request_id": ""}), JOB)


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({}, b"x-bfl-signature", b"sha256=" + digest(raw(READY)).hex().encode()),
        ({"FIREWORKS_SIGNATURE_FORM": "hex"}, b"x-bfl-signature", digest(raw(READY)).hex().encode()),
        (
            {"FIREWORKS_SIGNATURE_HEADER": "X-Fw", "FIREWORKS_SIGNATURE_FORM": "base64"},
            b"x-fw",
            base64.b64encode(digest(raw(READY))),
        ),
    ],
)
def test_header_and_form_are_settings(options: dict[str, str], header: bytes, value: bytes) -> None:
    """Nobody documents them, so an operator can say what is seen."""
    trust = Trust((KEY,), options=options)
    verified = PROVIDER.verify(hook(PROVIDER, READY, (header, value)), trust, NOW)
    assert (verified.scheme, verified.covers_body) == ("hmac-sha256", True)


def test_a_signature_that_is_there_must_verify() -> None:
    """A wrong one is no hint; without our secret, or in an unknown form, nobody gets in."""
    signature = (b"x-bfl-signature", b"sha256=" + digest(b"other").hex().encode())
    with pytest.raises(BadSignature):
        PROVIDER.verify(hook(PROVIDER, READY, signature), Trust((KEY,)), NOW)
    with pytest.raises(UnknownKey):
        PROVIDER.verify(hook(PROVIDER, READY, signature), Trust(), NOW)
    with pytest.raises(BadSignature, match="FIREWORKS_SIGNATURE_FORM"):
        PROVIDER.verify(hook(PROVIDER, READY, signature), Trust(options={"FIREWORKS_SIGNATURE_FORM": "md5"}), NOW)


def test_without_a_signature_it_is_a_hint() -> None:
    """The URL's token is all there is: asked about before it is believed; without a token, refused."""
    verified = PROVIDER.verify(hook(PROVIDER, READY), Trust((KEY,)), NOW)
    assert (verified.scheme, verified.covers_body, PROVIDER.confirm) == ("capability", False, True)
    with pytest.raises(BadSignature):
        PROVIDER.verify(hook(PROVIDER, READY, job_id=None), Trust((KEY,)), NOW)


def test_the_question_is_a_post() -> None:
    """With the request id in the body; without one there is nothing to ask by."""
    call = PROVIDER.ask(asking(PROVIDER))
    assert call is not None
    assert (call.method, sent(call.body)) == ("POST", {"id": "r-1"})
    assert call.url.endswith("/models/flux-kontext-max/get_result")
    assert PROVIDER.ask(asking(PROVIDER, None)) is None


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"status": "Pending"}, Outcome.PROGRESS),
        ({"status": "Task not found", "id": None}, Outcome.PROGRESS),
        ({"status": "Request Moderated"}, Outcome.MODERATED),
        ({"status": "Content Moderated"}, Outcome.MODERATED),
        ({"status": "Error"}, Outcome.FAILED),
        ({"status": "Failed"}, Outcome.FAILED),
        ({"status": "Ready", "result": {}}, Outcome.UNCLEAR),
        ({"status": "Ready", "result": {"sample": "aGk="}}, Outcome.SUCCEEDED),
        ({"status": "Dreaming"}, Outcome.UNCLEAR),
    ],
)
def test_the_words_of_an_answer(body: dict[str, Any], outcome: Outcome) -> None:
    """An answer that leaves out the id is about the job that was asked for."""
    (event,) = PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER)).events
    assert (event.outcome, event.request_id) == (outcome, "r-1")


def test_callback_and_answer_are_one_event() -> None:
    """The second to come is a duplicate."""
    (called,) = PROVIDER.parse(PROVIDER.verify(hook(PROVIDER, READY), Trust(), NOW))
    assert PROVIDER.hear(answer(PROVIDER, READY), asking(PROVIDER)).events == (called,)


@given(STRANGE)
def test_nothing_but_ours_escapes(body: bytes) -> None:
    """Any JSON, as callback, answer or acknowledgement."""
    tame(lambda: PROVIDER.parse(PROVIDER.verify(hook(PROVIDER, body), Trust(), NOW)))
    tame(lambda: PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER)))
    tame(lambda: PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER, None)))
    tame(lambda: PROVIDER.acknowledged(reply(body), JOB))
