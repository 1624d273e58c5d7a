from typing import Any

import pytest

from .stage import VTRIX, Stage, staged


async def standing(stage: Stage, name: str) -> dict[str, Any]:
    answer = await stage.ask("GET", f"{VTRIX}/task/{name}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("key", [None, "Bearer ", "Key k"])
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", "/task/x")])
async def test_without_a_key_nothing_answers(key: str | None, method: str, path: str) -> None:
    """401 with a message."""
    async with staged() as stage:
        answer = await stage.ask(method, VTRIX + path, key=key, json={})
    assert (answer.status_code, list(answer.json())) == (401, ["message"])


@pytest.mark.parametrize(
    "body",
    [
        {"model": "flux_kontext_pro", "input": [{"params": {"prompt": "a donut", "seed": 3}}]},
        {"model": "flux_kontext_pro", "prompt": "a donut", "seed": 3},
    ],
)
async def test_wrapped_and_flat_bodies_are_taken(body: dict[str, Any]) -> None:
    """The command line sends the first, the page lists the second."""
    async with staged() as stage:
        ack = (await stage.ask("POST", VTRIX, json=body)).json()
        await stage.idle()
        done = await standing(stage, ack["id"])
        (content,) = done["output"][0]["content"]
        fetched = await stage.client.get(content["url"])
    assert (ack["status"], ack["model"], type(ack["created_at"])) == ("in_progress", "flux_kontext_pro", int)
    assert (done["id"], done["status"], content["type"]) == (ack["id"], "completed", "image")
    assert (done["usage"]["cost"], type(done["usage"]["discount"])) == ("0.04", int)
    assert fetched.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"model": "flux_kontext_pro"},
        {"model": "other", "prompt": "a"},
        {"model": "flux_kontext_pro", "prompt": "a", "safety_tolerance": 0},
        {"model": "flux_kontext_pro", "prompt": "a", "output_format": "webp"},
        {"model": "flux_kontext_pro", "prompt": "a", "aspect_ratio": "9:22"},
        {"model": "flux_kontext_pro", "input": []},
        {"model": "flux_kontext_pro", "input": [{"prompt": "a"}]},
        {"model": "flux_kontext_pro", "input": [{"params": {"prompt": "a"}}] * 2},
    ],
)
async def test_a_wrong_input_is_400(body: Any) -> None:
    """With a message."""
    async with staged() as stage:
        answer = await stage.ask("POST", VTRIX, json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize(("word", "code"), [("[fail]", "generation_failed"), ("[moderate]", "content_moderated")])
async def test_a_failure_has_code_and_message(word: str, code: str) -> None:
    """`error` only when the status is failed, `output` and `usage` only when completed."""
    async with staged() as stage:
        ack = (await stage.vtrix(prompt=word)).json()
        await stage.idle()
        done = await standing(stage, ack["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", code)
    assert done["error"]["message"]
    assert not {"output", "usage"} & set(done)


async def test_cli_words_are_the_other_vocabulary() -> None:
    """`task_id` for `id`, pending and processing for in_progress, a plain string for the error object."""
    async with staged("cli_words") as stage:
        ack = (await stage.vtrix(prompt="[fail]")).json()
        await stage.idle()
        done = await standing(stage, ack["task_id"])
    assert (ack["status"], "id" in ack) == ("pending", False)
    assert (done["status"], type(done["error"])) == ("failed", str)


async def test_an_unknown_task_is_404() -> None:
    """With a message."""
    async with staged() as stage:
        answer = await stage.ask("GET", f"{VTRIX}/task/nobody")
    assert (answer.status_code, list(answer.json())) == (404, ["message"])
