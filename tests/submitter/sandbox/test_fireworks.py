import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from submitter.sandbox.fireworks import RETRY_WAITS, waits
from submitter.sandbox.jobs import State

from .stage import FIREWORKS, HOOK, Heard, Stage, staged

SECRET = "a-secret-of-this-job"


def signed(heard: Heard, secret: str = SECRET) -> bool:
    """HMAC-SHA256 over the raw body, hex, prefixed, as Black Forest Labs' webhook page has it."""
    expected = "sha256=" + hmac.new(secret.encode(), heard.body, hashlib.sha256).hexdigest()
    return heard.headers.get("x-bfl-signature") == expected


async def standing(stage: Stage, request_id: str) -> dict[str, Any]:
    answer = await stage.ask("POST", f"{FIREWORKS}/get_result", json={"id": request_id})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert set(body) == {"id", "status", "result", "progress", "details"}
    return body


@pytest.mark.parametrize("key", [None, "Bearer ", "Key k"])
@pytest.mark.parametrize("path", ["", "/get_result"])
async def test_without_a_key_nothing_answers(key: str | None, path: str) -> None:
    """401 with error_message."""
    async with staged() as stage:
        answer = await stage.ask("POST", FIREWORKS + path, key=key, json={"prompt": "a"})
    assert answer.status_code == 401
    assert answer.json()["error_message"]


@pytest.mark.parametrize(
    "given",
    [
        {"prompt": None},
        {"safety_tolerance": 7},
        {"safety_tolerance": 3, "input_image": "https://example.test/in.png"},
        {"aspect_ratio": "22:9"},
        {"aspect_ratio": "wide"},
        {"output_format": "webp"},
        {"webhook_url": ""},
        {"webhook_url": "h" * 2084},
    ],
)
async def test_a_wrong_input_is_400(given: dict[str, Any]) -> None:
    """One sentence in error_message; with an input image the safety limit is 2."""
    async with staged() as stage:
        answer = await stage.fireworks(**given)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error_message"]


async def test_junk_is_400_and_an_unknown_model_404() -> None:
    """In the provider's own shape."""
    async with staged() as stage:
        found = [
            await stage.ask("POST", FIREWORKS, content=b"[" * 100_000),
            await stage.ask("POST", f"{FIREWORKS}/get_result", content=b"[]"),
            await stage.ask("POST", FIREWORKS.replace("pro", "mini"), json={"prompt": "a"}),
        ]
    assert [answer.status_code for answer in found] == [400, 400, 404]
    assert all(answer.json()["error_message"] for answer in found)


async def test_a_job_is_answered_and_asked_for() -> None:
    """The acknowledgement is the request id; get_result goes from Pending to Ready with sample, prompt and seed."""
    async with staged(time_scale=1000) as stage:
        ack = (await stage.fireworks(webhook_url=None)).json()
        assert list(ack) == ["request_id"]
        assert (await standing(stage, ack["request_id"]))["status"] == "Pending"
        assert (await standing(stage, "nobody"))["status"] == "Task not found"
    async with staged() as stage:
        ack = (await stage.fireworks(webhook_url=None, seed=9, aspect_ratio="9:16", output_format="jpeg")).json()
        await stage.idle()
        body = await standing(stage, ack["request_id"])
        fetched = await stage.client.get(body["result"]["sample"])
    assert (body["status"], body["result"]["seed"], body["result"]["prompt"]) == ("Ready", 9, "a donut")
    assert fetched.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(("word", "status"), [("[fail]", "Error"), ("[moderate]", "Content Moderated")])
async def test_failures_have_their_own_words(word: str, status: str) -> None:
    """In the answer and in the callback."""
    async with staged() as stage:
        ack = (await stage.fireworks(prompt=word)).json()
        await stage.idle()
        body = await standing(stage, ack["request_id"])
        told = stage.listener.heard[0].json
    assert (body["status"], body["result"], told["status"]) == (status, None, status)
    assert told["error"]


async def test_not_found_first_hides_a_job_for_two_questions() -> None:
    """A documented trap: integrators wait out an early Task not found."""
    async with staged("not_found_first") as stage:
        ack = (await stage.fireworks()).json()
        await stage.idle()
        found = [(await standing(stage, ack["request_id"]))["status"] for _ in range(3)]
    assert found == ["Task not found", "Task not found", "Ready"]


async def test_the_callback_is_signed_when_a_secret_was_given() -> None:
    """id, status, result, timestamp; X-BFL-Signature over the raw body."""
    async with staged() as stage:
        ack = (await stage.fireworks(webhook_secret=SECRET)).json()
        await stage.idle()
        (heard,) = stage.listener.heard
    assert signed(heard)
    assert set(heard.json) == {"id", "status", "result", "timestamp"}
    assert (heard.json["id"], heard.json["status"]) == (ack["request_id"], "Ready")
    assert set(heard.json["result"]) == {"sample", "prompt", "seed"}
    assert datetime.fromisoformat(heard.json["timestamp"]).tzinfo == UTC


@pytest.mark.parametrize(("faults", "secret"), [((), None), (("unsigned",), SECRET)])
async def test_otherwise_it_carries_no_signature(faults: tuple[str, ...], secret: str | None) -> None:
    """Nothing to sign with, or the fault `unsigned`."""
    async with staged(*faults) as stage:
        await stage.fireworks(webhook_secret=secret)
        await stage.idle()
    assert "x-bfl-signature" not in stage.listener.heard[0].headers


async def test_forged_has_a_bad_signature() -> None:
    """Then the true one follows."""
    async with staged("forged") as stage:
        await stage.fireworks(webhook_secret=SECRET)
        await stage.idle()
    assert [signed(heard) for heard in stage.listener.heard] == [False, True]


async def test_forged_without_a_secret_guesses_the_url() -> None:
    """Where nothing is signed, the URL is the secret: one letter is wrong."""
    async with staged("forged") as stage:
        await stage.fireworks()
        await stage.idle()
    first, second = (heard.path for heard in stage.listener.heard)
    assert HOOK.endswith(second)
    assert sum(a != b for a, b in zip(first, second, strict=True)) == 1


@pytest.mark.parametrize("fault", ["wrong_id", "null_payload", "stale"])
async def test_other_faults_of_the_callback(fault: str) -> None:
    """Correctly signed, and wrong in one thing."""
    async with staged(fault) as stage:
        ack = (await stage.fireworks(webhook_secret=SECRET)).json()
        await stage.idle()
        (heard,) = stage.listener.heard
    assert signed(heard)
    assert (heard.json["id"] != ack["request_id"]) == (fault == "wrong_id")
    assert (heard.json["result"] is None) == (fault == "null_payload")
    age = datetime.now(UTC) - datetime.fromisoformat(heard.json["timestamp"])
    assert (age.total_seconds() > 3000) == (fault == "stale")


async def test_three_retries_and_no_more() -> None:
    """After 1 s, 5 s and 30 s, whatever the status, then dropped."""
    async with staged(statuses=[500, 404, 302, 500, 500], time_scale=0.00001) as stage:
        await stage.fireworks()
        await stage.idle()
    assert len(stage.listener.heard) == 4
    assert tuple(waits()) == (0.0, *RETRY_WAITS)


async def test_its_own_random_seed_is_told() -> None:
    """The seed of the picture is in the result."""
    async with staged() as stage:
        ack = (await stage.fireworks()).json()
        await stage.idle()
        job = stage.world.find("fireworks", ack["request_id"])
    assert job
    assert job.state is State.COMPLETED
    assert job.results[0].picture.seed == stage.listener.heard[0].json["result"]["seed"]
