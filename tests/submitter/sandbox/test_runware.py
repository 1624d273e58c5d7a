import uuid
from typing import Any

import pytest

from .stage import Stage, staged, task

POST = "POST"
URL = "/runware/v1"


async def polled(stage: Stage, task_uuid: str) -> dict[str, Any]:
    answer = await stage.ask(POST, URL, json=[{"taskType": "getResponse", "taskUUID": task_uuid}])
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("key", [None, "Bearer ", "Key k"])
async def test_without_a_key_nothing_answers(key: str | None) -> None:
    """401 in the shape of the errors page."""
    async with staged() as stage:
        answer = await stage.ask(POST, URL, key=key, json=[task()])
    (error,) = answer.json()["errors"]
    assert answer.status_code == 401
    assert (error["code"], error["parameter"], error["taskType"]) == ("invalidApiKey", "apiKey", "authentication")


async def test_the_first_element_may_authenticate() -> None:
    """Instead of the header."""
    async with staged() as stage:
        opener = {"taskType": "authentication", "apiKey": "k"}
        good = await stage.ask(POST, URL, key=None, json=[opener, task()])
        bad = await stage.ask(POST, URL, key=None, json=[{**opener, "apiKey": ""}, task()])
        await stage.idle()
    assert (good.status_code, bad.status_code) == (200, 401)
    assert len(good.json()["data"]) == 1


@pytest.mark.parametrize(
    ("given", "code", "parameter"),
    [
        ({"positivePrompt": "a"}, "invalidPositivePrompt", "positivePrompt"),
        ({"positivePrompt": "a" * 3001}, "invalidPositivePrompt", "positivePrompt"),
        ({"positivePrompt": None}, "missingPositivePrompt", "positivePrompt"),
        ({"taskUUID": str(uuid.uuid1())}, "invalidTaskUUID", "taskUUID"),
        ({"taskUUID": "x"}, "invalidTaskUUID", "taskUUID"),
        ({"width": None}, "missingWidth", "width"),
        ({"height": "48"}, "invalidHeight", "height"),
        ({"model": "bfl:9@9"}, "invalidModel", "model"),
        ({"outputFormat": "jpeg"}, "invalidOutputFormat", "outputFormat"),
        ({"outputQuality": 100}, "invalidOutputQuality", "outputQuality"),
        ({"outputType": "url"}, "invalidOutputType", "outputType"),
        ({"ttl": 59}, "invalidTtl", "ttl"),
        ({"numberResults": 21}, "invalidNumberResults", "numberResults"),
        ({"seed": -1}, "invalidSeed", "seed"),
        ({"webhookURL": "ftp://x"}, "invalidWebhookURL", "webhookURL"),
        ({"deliveryMethod": "later"}, "invalidDeliveryMethod", "deliveryMethod"),
        ({"inputs": {"referenceImages": ["a"] * 3}}, "invalidReferenceImages", "inputs.referenceImages"),
        (
            {"providerSettings": {"bfl": {"safetyTolerance": 7}}},
            "invalidSafetyTolerance",
            "providerSettings.bfl.safetyTolerance",
        ),
        ({"aspectRatio": "1:1"}, "unsupportedParameter", "aspectRatio"),
    ],
)
async def test_a_wrong_task_is_refused_by_name(given: dict[str, Any], code: str, parameter: str) -> None:
    """400 with code, message, parameter, type, documentation, taskUUID, taskType."""
    whole = task(**given)
    async with staged() as stage:
        answer = await stage.ask(POST, URL, json=[whole])
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["parameter"]) == (400, code, parameter)
    assert set(error) == {"code", "message", "parameter", "type", "documentation", "taskUUID", "taskType"}
    assert error["taskUUID"] == whole["taskUUID"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"[" * 100_000, b"[null]", b'[{"taskType": 1}]'])
async def test_junk_is_refused(raw: bytes) -> None:
    """The body is always an array of tasks."""
    async with staged() as stage:
        answer = await stage.ask(POST, URL, content=raw)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"]


async def test_errors_are_scoped_to_their_task() -> None:
    """The rest of the array may still succeed."""
    good, bad = task(), task(width=None)
    async with staged() as stage:
        answer = await stage.ask(POST, URL, json=[good, bad])
        await stage.idle()
    assert answer.status_code == 200
    assert [item["taskUUID"] for item in answer.json()["data"]] == [good["taskUUID"]]
    assert [item["taskUUID"] for item in answer.json()["errors"]] == [bad["taskUUID"]]


async def test_a_task_uuid_is_taken_once() -> None:
    """Unique per task, within one array too."""
    whole = task()
    async with staged() as stage:
        first = await stage.ask(POST, URL, json=[whole, whole])
        second = await stage.ask(POST, URL, json=[whole])
        await stage.idle()
    assert (len(first.json()["data"]), first.json()["errors"][0]["code"]) == (1, "duplicateTaskUUID")
    assert second.status_code == 400


@pytest.mark.parametrize("method", ["async", None])
async def test_async_is_acknowledged_at_once(method: str | None) -> None:
    """The acknowledgement is the task's type and UUID; a webhook alone makes it asynchronous too."""
    whole = task(deliveryMethod=method)
    async with staged() as stage:
        answer = await stage.ask(POST, URL, json=[whole])
    assert answer.json() == {"data": [{"taskType": "imageInference", "taskUUID": whole["taskUUID"]}]}


async def test_sync_answers_with_the_results() -> None:
    """The page's default: every result in the answer, each with its own UUID and seed."""
    async with staged() as stage:
        answer = await stage.runware(deliveryMethod=None, webhookURL=None, numberResults=3, seed=5, includeCost=True)
    items = answer.json()["data"]
    assert [item["seed"] for item in items] == [5, 6, 7]
    assert len({item["imageUUID"] for item in items}) == 3
    keys = {"taskType", "taskUUID", "imageUUID", "imageURL", "seed", "cost"}
    assert all(set(item) == keys for item in items)


async def test_get_response_counts_generations() -> None:
    """processing for each, then success with the results; an unknown task is an error."""
    whole = task(numberResults=2, webhookURL=None)
    async with staged(time_scale=1000) as stage:
        await stage.ask(POST, URL, json=[whole])
        waiting = await polled(stage, whole["taskUUID"])
        unknown = await polled(stage, str(uuid.uuid4()))
    async with staged() as stage:
        await stage.ask(POST, URL, json=[whole])
        await stage.idle()
        ready = await polled(stage, whole["taskUUID"])
    assert [item["status"] for item in waiting["data"]] == ["processing", "processing"]
    assert unknown["errors"]
    assert [item["status"] for item in ready["data"]] == ["success", "success"]
    assert "errors" not in ready


@pytest.mark.parametrize(("word", "code"), [("[fail]", "timeoutProvider"), ("[moderate]", "invalidProviderContent")])
async def test_a_failure_is_told_in_errors(word: str, code: str) -> None:
    """In the callback, in the answer to a question, and in a synchronous answer."""
    whole = task(positivePrompt=word)
    async with staged() as stage:
        await stage.ask(POST, URL, json=[whole])
        sync = await stage.runware(positivePrompt=word, deliveryMethod="sync", webhookURL=None)
        await stage.idle()
        asked = await polled(stage, whole["taskUUID"])
    (heard,) = stage.listener.heard
    assert (heard.json["errors"][0]["code"], heard.json["errors"][0]["taskUUID"]) == (code, whole["taskUUID"])
    assert (asked["errors"][0]["code"], asked["errors"][0]["status"], asked["data"]) == (code, "error", [])
    assert (sync.status_code, sync.json()["errors"][0]["code"]) == (400, code)
