from typing import Any

import pytest
from hypothesis import given

from receiver.errors import BadOrder, BadSignature, Malformed, ProviderRefused, WrongRequest
from receiver.wire.orders import Call, InputImage, Order
from receiver.wire.providers.runware import PROVIDER
from receiver.wire.providers.runware_params import SIZES
from receiver.wire.tokens import family
from receiver.wire.types import Event, ImageRef, Outcome, Trust
from tests.receiver.wire.providers.making import ENDPOINTS, JOB, NOW, UPLOADS, answer, asking, hook, reply, sent
from tests.receiver.wire.providers.strange import bodies, tame

PHOTO = InputImage(data=b"hi", media_type="image/png")
LINK = InputImage(url="https://example.com/a.png")
URL = "https://im.runware.ai/image/ws/2/ii/a.jpg"
OTHER = "9d7f0d6c-3a52-4f60-8d8b-5e0c4b5f1d11"
STRANGE = bodies(
    ["data", "errors", "error", "taskUUID", "taskType", "imageUUID", "imageURL", "imageBase64Data", "status", "cost"],
    [JOB, JOB, JOB, family(JOB, 3), OTHER, "success", "error", "processing", "u-1", URL, "aGk=", "getResponse"],
)


def compose(order: Order) -> Call:
    return PROVIDER.compose(JOB, PROVIDER.prepare(order), ENDPOINTS, "https://api.example")


def parse(body: Any, job_id: str | None = JOB) -> tuple[Event, ...]:
    return PROVIDER.parse(PROVIDER.verify(hook(PROVIDER, body, job_id=job_id), Trust(), NOW))


def test_the_named_options() -> None:
    """In Runware's words, the job's id as the task's, always asynchronous, and the cost asked for."""
    order = Order(
        prompt="a cat",
        images=(PHOTO, LINK),
        seed=42,
        aspect_ratio="16:9",
        output_format="jpeg",
        count=4,
        safety=3,
        upsample=True,
    )
    call = compose(order)
    assert (call.method, call.url) == ("POST", "https://api.example/v1")
    assert sent(call.body) == [
        {
            "taskType": "imageInference",
            "taskUUID": JOB,
            "model": "bfl:3@1",
            "positivePrompt": "a cat",
            "width": 1392,
            "height": 752,
            "seed": 42,
            "numberResults": 4,
            "outputFormat": "JPG",
            "includeCost": True,
            "inputs": {"referenceImages": ["data:image/png;base64,aGk=", "https://example.com/a.png"]},
            "providerSettings": {"bfl": {"promptUpsampling": True, "safetyTolerance": 3}},
            "deliveryMethod": "async",
            "webhookURL": ENDPOINTS.hook,
        }
    ]
    assert PROVIDER.prepare(order).expected == 4


def test_every_other_parameter_by_dash_p() -> None:
    """The page's own names, nested as there."""
    extra = {
        "width": 832,
        "height": 1248,
        "outputType": "URL",
        "outputQuality": 20,
        "ttl": 60,
        "includeCost": False,
        "safety": {"checkContent": True, "mode": "fast"},
        "inputs": {"referenceImages": ["https://example.com/a.png"]},
        "providerSettings": {"bfl": {"safetyTolerance": 0}},
        "numberResults": 20,
    }
    prepared = PROVIDER.prepare(Order(prompt="xy", extra=extra))
    assert prepared.params == {"positivePrompt": "xy", **extra}
    assert prepared.expected == 20


def test_a_square_where_nothing_is_said() -> None:
    """Runware requires both sides."""
    assert PROVIDER.prepare(Order(prompt="xy")).params == {
        "positivePrompt": "xy",
        "width": 1024,
        "height": 1024,
        "includeCost": True,
    }


@pytest.mark.parametrize("ratio", SIZES)
def test_a_ratio_is_one_of_the_pages_sizes(ratio: str) -> None:
    """Within five percent of what its name says, and its mirror is there, too."""
    (width, height), (left, right) = SIZES[ratio], map(int, ratio.split(":"))
    assert abs(width / height / (left / right) - 1) < 0.05
    assert SIZES[f"{right}:{left}"] == (height, width)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order(), "positivePrompt (--prompt) is missing"),
        (Order(prompt="x"), "positivePrompt (--prompt) must be a text of 2 to 3000 characters"),
        (Order(prompt="xy", count=21), "numberResults (--n) must be a whole number from 1 to 20"),
        (Order(prompt="xy", count=0), "numberResults (--n) must be a whole number from 1 to 20"),
        (
            Order(prompt="xy", safety=7),
            "providerSettings.bfl.safetyTolerance (--safety) must be a whole number from 0 to 6",
        ),
        (Order(prompt="xy", images=(LINK,) * 3), "at most 2 input images"),
        (Order(prompt="xy", seed=-1), "seed (--seed) must be a whole number from 0"),
        (Order(prompt="xy", aspect_ratio="5:4"), "must be one of 21:9, 16:9, 4:3, 3:2, 1:1, 2:3, 3:4, 9:16, 9:21"),
        (Order(prompt="xy", output_format="gif"), "outputFormat (--format) must be JPG or PNG or WEBP"),
        (Order(prompt="xy", model="bfl:1@1"), "model (--model) must be bfl:3@1"),
        (Order(prompt="xy", extra={"width": 512}), "width and height together; width stands alone"),
        (Order(prompt="xy", aspect_ratio="1:1", extra={"width": 1, "height": 1}), "width is given twice"),
        (Order(prompt="xy", extra={"ttl": 59}), "ttl must be a whole number from 60"),
        (Order(prompt="xy", extra={"ttl": 60, "outputType": "dataURI"}), "ttl is for outputType URL only"),
        (Order(prompt="xy", extra={"outputQuality": 100}), "outputQuality must be a whole number from 20 to 99"),
        (Order(prompt="xy", extra={"inputs": {"referenceImages": []}}), "must be a list of 1 to 2 entries"),
        (Order(prompt="xy", extra={"safety": {"checkcontent": True}}), "did you mean checkContent?"),
        (Order(prompt="xy", upload=True, count=2, seed=2**63 - 1), "leave room for one seed per result"),
        *(
            (Order(prompt="xy", extra={name: "x"}), f"{name} is set by proofhook itself")
            for name in ("webhookURL", "uploadEndpoint", "taskUUID", "taskType", "deliveryMethod")
        ),
    ],
)
def test_what_runware_cannot_do_is_a_sentence(order: Order, names: str) -> None:
    """Before any money is spent."""
    with pytest.raises(BadOrder) as refused:
        PROVIDER.prepare(order)
    assert names in str(refused.value)


def test_an_upload_is_one_task_per_result() -> None:
    """Each with an id, an upload URL and a seed of its own; place 0 is the job itself."""
    prepared = PROVIDER.prepare(Order(prompt="xy", count=3, seed=7, upload=True))
    tasks = sent(PROVIDER.compose(JOB, prepared, ENDPOINTS, "https://api.example").body)
    assert (prepared.expected, prepared.upload) == (3, True)
    assert [task["taskUUID"] for task in tasks] == [JOB, family(JOB, 1), family(JOB, 2)]
    assert [task["uploadEndpoint"] for task in tasks] == list(UPLOADS[:3])
    assert [task["seed"] for task in tasks] == [7, 8, 9]
    assert {task["numberResults"] for task in tasks} == {1}
    assert {task["webhookURL"] for task in tasks} == {ENDPOINTS.hook}


def test_no_seed_stays_no_seed() -> None:
    """Runware draws one for each task."""
    assert all("seed" not in task for task in sent(compose(Order(prompt="xy", count=2, upload=True)).body))


def test_the_acknowledgement_names_our_own_task() -> None:
    """The request id is the job id; another task's is junk."""
    assert PROVIDER.acknowledged(reply({"data": [{"taskUUID": JOB}]}), JOB).request_id == JOB
    assert PROVIDER.acknowledged(reply({"data": [{"taskUUID": family(JOB, 1)}]}), JOB).request_id == JOB
    junk: tuple[Any, ...] = ({"data": [{"taskUUID": OTHER}]}, {"data": []}, {}, [])
    for body in junk:
        with pytest.raises(Malformed):
            PROVIDER.acknowledged(reply(body), JOB)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("data", [{"data": []}, {}])
def test_errors_are_a_refusal_at_any_status(status: int, data: dict[str, Any]) -> None:
    """Runware's own code and message are kept."""
    body = {**data, "errors": [{"code": "invalidWidth", "message": "Invalid value.", "parameter": "width"}]}
    with pytest.raises(ProviderRefused) as refused:
        PROVIDER.acknowledged(reply(body, status), JOB)
    assert (refused.value.code, refused.value.message) == ("invalidWidth", "Invalid value.")


def test_a_callback_is_believed_by_its_url() -> None:
    """Nothing is signed; without a token nobody gets in."""
    verified = PROVIDER.verify(hook(PROVIDER, {}), Trust(), NOW)
    assert (verified.scheme, verified.covers_body, PROVIDER.confirm) == ("capability", False, False)
    with pytest.raises(BadSignature):
        PROVIDER.verify(hook(PROVIDER, {}, job_id=None), Trust(), NOW)


def test_another_jobs_task_is_a_wrong_request() -> None:
    """One job's URL completes no other job, alone or among its own items."""
    mine, other = {"taskUUID": JOB, "imageUUID": "u", "imageURL": URL}, {"taskUUID": OTHER, "imageURL": URL}
    for body in (other, {"data": [mine, other]}, {"errors": [{**other, "code": "x"}]}):
        with pytest.raises(WrongRequest):
            parse(body)


def test_two_failed_tasks_are_two_events() -> None:
    """Of one job; the same task's failure told twice is one."""
    error = {"code": "providerError", "message": "No."}
    tasks = [{"taskUUID": JOB, **error}, {"taskUUID": family(JOB, 1), **error}, {"taskUUID": JOB, **error}]
    events = parse({"errors": tasks})
    assert [event.id for event in events] == [f"{JOB}:failed", f"{family(JOB, 1)}:failed"]
    assert {event.request_id for event in events} == {JOB}


def test_the_question_names_every_task() -> None:
    """One for a plain job, one per result where each is its own task."""
    for expected, upload, ids in (
        (4, False, [JOB]),
        (3, True, [JOB, family(JOB, 1), family(JOB, 2)]),
    ):
        call = PROVIDER.ask(asking(PROVIDER, JOB, expected, upload=upload))
        assert call is not None
        assert sent(call.body) == [{"taskType": "getResponse", "taskUUID": each} for each in ids]


def test_callback_and_answer_are_one_event() -> None:
    """The second to come is a duplicate."""
    item = {"taskUUID": JOB, "imageUUID": "u", "imageURL": URL, "seed": 5, "cost": 0.04}
    heard = PROVIDER.hear(answer(PROVIDER, {"data": [{**item, "status": "success"}]}), asking(PROVIDER, JOB))
    assert heard.events == parse(item)


def test_an_announced_upload_needs_no_url() -> None:
    """Where bytes are put to us the place is enough; elsewhere a result without a picture is unclear."""
    body = {"data": [{"taskUUID": family(JOB, 1), "status": "success"}]}
    (event,) = PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER, JOB, 2, upload=True)).events
    assert event.images == (ImageRef("place 1", place=1),)
    (event,) = PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER, JOB, 2)).events
    assert event.outcome is Outcome.UNCLEAR


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 503])
def test_an_error_of_ours_or_theirs_tells_nothing(status: int) -> None:
    """Whatever its body holds."""
    for body in ({"errors": [{"code": "x", "message": "y", "taskUUID": JOB}]}, b"<html>"):
        assert PROVIDER.hear(answer(PROVIDER, body, status), asking(PROVIDER, JOB)).events == ()


@given(STRANGE)
def test_nothing_but_ours_escapes(body: bytes) -> None:
    """Any JSON, as callback, answer or acknowledgement."""
    tame(lambda: parse(body))
    tame(lambda: PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER, JOB)))
    tame(lambda: PROVIDER.hear(answer(PROVIDER, body), asking(PROVIDER, JOB, 4, upload=True)))
    try:
        PROVIDER.acknowledged(reply(body), JOB)
    except (Malformed, ProviderRefused):
        return
