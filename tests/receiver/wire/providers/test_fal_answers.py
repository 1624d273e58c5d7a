import json
from dataclasses import replace
from typing import Any

import pytest

from receiver.errors import Malformed, WrongRequest
from receiver.wire import schemes
from receiver.wire.orders import Asking, Call, Heard
from receiver.wire.providers.fal import PROVIDER
from receiver.wire.types import Headers, Outcome, Verified
from tests.receiver.wire import sampling

BASE = "https://queue.fal.run"
JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"


def asked(body: object, status: int = 200, **headers: str) -> Verified:
    sample = sampling.load("fal/answer-output").delivery
    raw = (
        (b":status", str(status).encode()),
        *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()),
    )
    return schemes.asked(replace(sample, headers=Headers(raw), body=json.dumps(body).encode()))


def asking(**changed: Any) -> Asking:
    found = sampling.load("fal/answer-output").asking
    assert found is not None
    return replace(found, **changed)


@pytest.mark.parametrize(
    ("callback", "answer"), [("done", "answer-output"), ("moderated", "answer-moderated"), ("crashed", "answer-failed")]
)
def test_push_and_poll_say_the_same(callback: str, answer: str) -> None:
    """One road: the answer to a question is the very event of the callback, down to its id."""
    called, heard = sampling.load(f"fal/{callback}"), sampling.load(f"fal/{answer}")
    pushed = PROVIDER.verify(called.delivery, called.trust, called.now)
    assert heard.asking is not None

    assert PROVIDER.hear(schemes.asked(heard.delivery), heard.asking).events == PROVIDER.parse(pushed)


def test_ask() -> None:
    """The question goes to the status URL of the acknowledgement."""
    assert PROVIDER.ask(asking()) == Call("GET", f"{BASE}/fal-ai/flux-pro/requests/{asking().request_id}/status")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com/status",
        "http://queue.fal.run/status",
        "https://queue.fal.run@example.com/status",
        "https://queue.fal.run.example.com/status",
        "https://user@queue.fal.run/status",
        "https://queue.fal.run:8443/status",
        "file:///etc/passwd",
        "https://[",
    ],
)
def test_no_key_leaves_for_elsewhere(url: str) -> None:
    """A link that leads away from fal is not asked: the spending key goes along with the question."""
    assert PROVIDER.ask(asking(links={"status": url})) is None
    assert PROVIDER.hear(asked({"status": "COMPLETED"}), asking(links={"response": url})) == Heard()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/fal/requests/r/status", "https://queue.falrun.com/r/status"])
def test_ask_the_base_or_fal_itself(url: str) -> None:
    """A sandbox or proxy is asked where it told us to, and so is fal's own second host."""
    assert PROVIDER.ask(asking(base="http://127.0.0.1:8001/fal", links={"status": url})) == Call("GET", url)


@pytest.mark.parametrize("changed", [{"request_id": None}, {"links": {}}])
def test_nothing_to_ask_by(changed: dict[str, Any]) -> None:
    """A job whose acknowledgement never came cannot be asked about."""
    assert PROVIDER.ask(asking(**changed)) is None


def test_an_answer_needs_a_question() -> None:
    """An answer about a job without a request id is nobody's."""
    with pytest.raises(WrongRequest):
        PROVIDER.hear(asked({"status": "IN_QUEUE"}), asking(request_id=None))


def test_an_answer_of_another_request() -> None:
    """An answer that names another request is refused."""
    with pytest.raises(WrongRequest):
        PROVIDER.hear(asked({"status": "IN_QUEUE", "request_id": JOB}), asking())


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504])
def test_nothing_learned(status: int) -> None:
    """A status about our question fails no job, whatever its body says."""
    for body in ({"detail": [{"msg": "m", "type": "t"}]}, {"status": "COMPLETED", "error": "e"}, "<html>"):
        assert PROVIDER.hear(asked(body, status), asking()) == Heard()


def test_an_error_status_without_detail() -> None:
    """An HTTP error that names no reason is no verdict either."""
    assert PROVIDER.hear(asked({"message": "?"}, 400), asking()) == Heard()


def test_error_type_from_the_header() -> None:
    """Where the body has a sentence only, the header gives the code."""
    (event,) = PROVIDER.hear(
        asked({"detail": "Flagged."}, 422, x_fal_error_type="content_policy_violation"), asking()
    ).events

    assert event.outcome is Outcome.MODERATED


def test_an_unknown_state_of_the_queue() -> None:
    """A word of the queue that fal does not document is Malformed, not progress."""
    with pytest.raises(Malformed):
        PROVIDER.hear(asked({"status": "PAUSED"}), asking())
