from typing import Any

import pytest
from hypothesis import given

from receiver.errors import BadOrder, BadSignature, Malformed, ProviderRefused
from receiver.wire.orders import Endpoints, InputImage, Order
from receiver.wire.providers.vtrix import PROVIDER
from receiver.wire.types import Outcome, Trust
from tests.receiver.wire.providers.making import JOB, NOW, answer, asking, hook, reply, sent
from tests.receiver.wire.providers.strange import bodies, tame

PHOTO = InputImage(data=b"hi", media_type="image/png")
LINK = InputImage(url="https://example.com/a.png")
STRANGE = bodies(
    ["id", "task_id", "status", "output", "content", "type", "url", "usage", "cost", "error", "message", "code"],
    ["completed", "failed", "in_progress", "image", "https://cdn.vtrix.ai/a.png", "aGk=", "0.04", "r-1"],
)


def test_every_parameter_of_the_page() -> None:
    """The named options in Vtrix' words, wrapped as its own command line sends them, four images in order."""
    order = Order(
        prompt="a cat",
        images=(PHOTO, LINK, PHOTO, LINK),
        seed=-7,
        aspect_ratio="9:21",
        output_format="jpeg",
        safety=6,
        upsample=False,
    )
    call = PROVIDER.compose(JOB, PROVIDER.prepare(order), Endpoints(hook=""), "https://api.example")
    assert (call.method, call.url) == ("POST", "https://api.example/model/v1/generation")
    assert sent(call.body) == {
        "model": "flux_kontext_pro",
        "input": [
            {
                "params": {
                    "prompt": "a cat",
                    "input_image": "aGk=",
                    "input_image_2": "https://example.com/a.png",
                    "input_image_3": "aGk=",
                    "input_image_4": "https://example.com/a.png",
                    "seed": -7,
                    "aspect_ratio": "9:21",
                    "output_format": "jpeg",
                    "prompt_upsampling": False,
                    "safety_tolerance": 6,
                }
            }
        ],
    }


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order(), "prompt (--prompt) is missing"),
        (Order(prompt="x", safety=0), "safety_tolerance (--safety) must be a whole number from 1 to 6"),
        (Order(prompt="x", count=4), "one image per job; leave out --n"),
        (Order(prompt="x", upload=True), "leave out --upload"),
        (Order(prompt="x", images=(LINK,) * 5), "at most 4 input images"),
        (Order(prompt="x", images=(InputImage(data=b"x" * (20 * 2**20 + 1)),)), "at most 20 MB"),
        (Order(prompt="x", output_format="webp"), "output_format (--format) must be jpeg or png"),
        (Order(prompt="x", model="flux"), "model (--model) must be flux_kontext_pro"),
        (Order(prompt="x", images=(LINK,), extra={"input_image": "aGk="}), "input_image is given twice"),
        (Order(prompt="x", extra={"webhook_url": "https://x.example"}), "vtrix calls nobody back"),
        (Order(prompt="x", extra={"input_image_5": "aGk="}), "there is no parameter input_image_5"),
    ],
)
def test_what_vtrix_cannot_do_is_a_sentence(order: Order, names: str) -> None:
    """Before any money is spent."""
    with pytest.raises(BadOrder) as refused:
        PROVIDER.prepare(order)
    assert names in str(refused.value)


@pytest.mark.parametrize("key", ["id", "task_id"])
def test_the_acknowledgement_has_two_names_for_its_id(key: str) -> None:
    """The page's and the manual's."""
    assert PROVIDER.acknowledged(reply({key: "t-1", "status": "in_progress"}), JOB).request_id == "t-1"


@pytest.mark.parametrize("body", [{"id": ""}, {}, {"id": 5}, [], b""])
def test_no_id_is_no_acknowledgement(body: Any) -> None:
    """A job that cannot be asked about is not taken."""
    with pytest.raises(Malformed):
        PROVIDER.acknowledged(reply(body), JOB)


@pytest.mark.parametrize("body", [{"message": "Insufficient balance"}, {"error": "Insufficient balance"}])
def test_a_refusal_keeps_its_words(body: Any) -> None:
    """In `message` or in `error`."""
    with pytest.raises(ProviderRefused) as refused:
        PROVIDER.acknowledged(reply(body, 403), JOB)
    assert (refused.value.code, refused.value.message) == ("http_403", "Insufficient balance")


def test_the_door_is_shut() -> None:
    """There is no callback to believe, with or without a token."""
    assert not PROVIDER.calls_back
    for job_id in (JOB, None):
        with pytest.raises(BadSignature):
            PROVIDER.verify(hook(PROVIDER, {"id": "r-1", "status": "completed"}, job_id=job_id), Trust(), NOW)
    with pytest.raises(Malformed):
        PROVIDER.parse(answer(PROVIDER, {}))


def test_the_question_names_the_task() -> None:
    """Percent-encoded: an id is no path."""
    call = PROVIDER.ask(asking(PROVIDER, "a/../b?c"))
    assert call is not None
    assert (call.method, call.body) == ("GET", None)
    assert call.url == "https://api.example/model/v1/generation/task/a%2F..%2Fb%3Fc"
    assert PROVIDER.ask(asking(PROVIDER, None)) is None


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"status": "in_progress"}, Outcome.PROGRESS),
        ({"status": "pending"}, Outcome.PROGRESS),
        ({"status": "processing"}, Outcome.PROGRESS),
        ({"status": "failed"}, Outcome.FAILED),
        ({"status": "failed", "error": {"code": "x", "message": "content policy violation"}}, Outcome.MODERATED),
        ({"status": "completed", "output": None}, Outcome.UNCLEAR),
        ({"status": "completed", "output": [{"content": [{"type": "video", "url": "x"}]}]}, Outcome.UNCLEAR),
        ({"status": "completed", "output": [{"content": [{"type": "image", "url": "aGk="}]}]}, Outcome.SUCCEEDED),
    ],
)
def test_the_words_of_an_answer(body: dict[str, Any], outcome: Outcome) -> None:
    """Both vocabularies; an answer that leaves out the id is about the job that was asked for."""
    (event,) = PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER)).events
    assert (event.outcome, event.request_id) == (outcome, "r-1")


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500])
def test_an_http_error_tells_nothing(status: int) -> None:
    """Our key or their server is no fault of the job's."""
    heard = PROVIDER.hear(answer(PROVIDER, {"status": "failed"}, status), asking(PROVIDER))
    assert (heard.events, heard.then) == ((), None)


@given(STRANGE)
def test_nothing_but_ours_escapes(body: bytes) -> None:
    """Any JSON, as callback, answer or acknowledgement."""
    tame(lambda: PROVIDER.parse(answer(PROVIDER, body)))
    tame(lambda: PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER)))
    tame(lambda: PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER, None)))
    tame(lambda: PROVIDER.acknowledged(reply(body), JOB))
