import base64
import json
from typing import Any

import pytest

from submitter.sandbox.jobs import State

from .stage import KONTEXT, Stage, staged


async def finished(stage: Stage, **given: Any) -> dict[str, Any]:
    """Submit without a callback, wait, and read the response URL."""
    ack = (await stage.fal(hook=None, **given)).json()
    await stage.idle()
    answer = await stage.ask("GET", ack["response_url"])
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("key", [None, "Key ", "Bearer k", "k", "Key"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("GET", "/requests/x/status"), ("PUT", "/requests/x/cancel")]
)
async def test_without_a_key_nothing_answers(key: str | None, method: str, path: str) -> None:
    """401 in fal's shape for a missing, empty or foreign credential."""
    async with staged() as stage:
        answer = await stage.ask(method, KONTEXT + path, key=key, json={"prompt": "a", "image_url": "https://x"})
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)


async def test_the_acknowledgement_names_the_request_and_its_urls_without_the_sub_path() -> None:
    """fal's clients build `{owner}/{alias}/requests/{id}` themselves, so it must be exactly that."""
    async with staged() as stage:
        ack = (await stage.fal(hook=None)).json()
    root = f"http://sandbox.test/fal/fal-ai/flux-pro/requests/{ack['request_id']}"
    assert ack == {
        "status": "IN_QUEUE",
        "request_id": ack["request_id"],
        "gateway_request_id": ack["request_id"],
        "queue_position": 0,
        "response_url": root,
        "status_url": f"{root}/status",
        "cancel_url": f"{root}/cancel",
    }


@pytest.mark.parametrize(
    ("given", "loc", "kind"),
    [
        ({"prompt": None}, "prompt", "string_type"),
        ({"image_url": None}, "image_url", "string_type"),
        ({"image_url": "kitchen.png"}, "image_url", "value_error"),
        ({"guidance_scale": 0.5}, "guidance_scale", "greater_than_equal"),
        ({"num_images": 5}, "num_images", "less_than_equal"),
        ({"output_format": "webp"}, "output_format", "literal_error"),
        ({"safety_tolerance": 2}, "safety_tolerance", "literal_error"),
        ({"aspect_ratio": "5:4"}, "aspect_ratio", "literal_error"),
    ],
)
async def test_a_wrong_input_is_answered_as_fastapi_does(given: dict[str, Any], loc: str, kind: str) -> None:
    """422 with a list of loc, msg, type; safety_tolerance is a string on fal."""
    async with staged() as stage:
        body = {"prompt": "a", "image_url": "https://x", **given}
        answer = await stage.ask("POST", KONTEXT, content=json.dumps(body).encode())
    (detail,) = answer.json()["detail"]
    assert (answer.status_code, detail["loc"], detail["type"]) == (422, ["body", loc], kind)
    assert detail["msg"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff"])
async def test_junk_is_answered_with_422(raw: bytes) -> None:
    """No body brings the sandbox down."""
    async with staged() as stage:
        answer = await stage.ask("POST", KONTEXT, content=raw)
    assert answer.status_code == 422


async def test_unknown_keys_are_dropped_without_a_word() -> None:
    """As on the real service, which is why our submitter refuses them."""
    async with staged() as stage:
        output = await finished(stage, num_image=4, sede=1)
    assert len(output["images"]) == 1


async def test_the_queue_is_walked_through() -> None:
    """IN_QUEUE, IN_PROGRESS, COMPLETED; logs only on demand, but the key is always there (fal-client reads it)."""
    async with staged(time_scale=1000) as stage:
        ack = (await stage.fal(hook=None)).json()
        job = stage.world.find("fal", ack["request_id"])
        assert job
        queued = await stage.ask("GET", ack["status_url"])
        early = await stage.ask("GET", ack["response_url"])
        job.state = State.RUNNING
        running = await stage.ask("GET", ack["status_url"], params={"logs": "true"})
        job.state = State.COMPLETED
        done = await stage.ask("GET", ack["status_url"])
    assert (queued.status_code, queued.json()["status"], queued.json()["queue_position"]) == (202, "IN_QUEUE", 0)
    assert early.status_code == 400
    assert (running.status_code, running.json()["status"]) == (202, "IN_PROGRESS")
    assert running.json()["logs"][0]["message"]
    assert (done.status_code, done.json()["status"], done.json()["logs"]) == (200, "COMPLETED", None)
    assert done.json()["metrics"]["inference_time"] > 0


async def test_the_response_is_the_bare_output() -> None:
    """images, timings, seed, has_nsfw_concepts, prompt; the seed asked for comes back."""
    async with staged() as stage:
        output = await finished(stage, num_images=3, seed=42, aspect_ratio="16:9", output_format="png")
        fetched = await stage.client.get(output["images"][2]["url"])
    assert set(output) == {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    assert (output["seed"], output["prompt"], output["has_nsfw_concepts"]) == (42, "a donut", [False] * 3)
    assert {(one["width"], one["height"], one["content_type"]) for one in output["images"]} == {
        (1392, 752, "image/png")
    }
    assert fetched.headers["content-type"] == "image/png"
    assert fetched.content.startswith(b"\x89PNG")


async def test_a_hostile_prompt_travels_unharmed() -> None:
    """Lone surrogates and control characters come back as they were sent, and the picture can be drawn."""
    prompt = "\ud800 \u202e\x00" + "א" * 10_000
    async with staged() as stage:
        body = json.dumps({"prompt": prompt, "image_url": "https://x"}).encode()
        ack = (await stage.ask("POST", KONTEXT, content=body)).json()
        await stage.idle()
        output = json.loads((await stage.ask("GET", ack["response_url"])).content)
        fetched = await stage.client.get(output["images"][0]["url"])
    assert output["prompt"] == prompt
    assert fetched.status_code == 200


async def test_seeds_may_pass_63_bits() -> None:
    """A captured callback has seed 17454220438242315174: about half are beyond a signed 64-bit column."""
    async with staged() as stage:
        seeds = [(await finished(stage))["seed"] for _ in range(12)]
    assert any(seed >= 2**63 for seed in seeds)


async def test_sync_mode_puts_data_uris_in_url() -> None:
    """No file is published; the bytes are in the answer (RFC 2397)."""
    async with staged() as stage:
        (image,) = (await finished(stage, sync_mode=True))["images"]
    head, _, data = image["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data, validate=True).startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [("[fail]", 500, "internal_server_error"), ("[moderate]", 422, "content_policy_violation")],
)
async def test_a_failure_is_completed_with_an_error(word: str, status: int, kind: str) -> None:
    """fal's queue knows no FAILED: COMPLETED with error and error_type, and the response URL answers the HTTP error."""
    async with staged() as stage:
        ack = (await stage.fal(hook=None, prompt=f"a {word} donut")).json()
        await stage.idle()
        standing = (await stage.ask("GET", ack["status_url"])).json()
        answer = await stage.ask("GET", ack["response_url"])
    assert (standing["status"], standing["error_type"]) == ("COMPLETED", kind)
    assert standing["error"] == f"Invalid status code: {status}"
    assert (answer.status_code, answer.json()["error_type"], answer.headers["x-fal-error-type"]) == (status, kind, kind)
    assert set(answer.json()["detail"][0]) == {"loc", "msg", "type"}


async def test_nsfw_is_marked_beside_a_black_picture() -> None:
    """The safety checker's way: a success whose has_nsfw_concepts is true."""
    async with staged() as stage:
        output = await finished(stage, prompt="[nsfw] donut")
    assert output["has_nsfw_concepts"] == [True]


async def test_cancelling_works_only_while_queued() -> None:
    """202 while it can, 400 ALREADY_COMPLETED after, 404 NOT_FOUND for a stranger."""
    async with staged(time_scale=1000) as stage:
        ack = (await stage.fal()).json()
        first = await stage.ask("PUT", ack["cancel_url"])
        second = await stage.ask("PUT", ack["cancel_url"])
        stranger = await stage.ask("PUT", "/fal/fal-ai/flux-pro/requests/nobody/cancel")
        await stage.idle()
        standing = (await stage.ask("GET", ack["status_url"])).json()
    assert (first.status_code, first.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert (second.status_code, second.json()) == (400, {"status": "ALREADY_COMPLETED"})
    assert (stranger.status_code, stranger.json()) == (404, {"status": "NOT_FOUND"})
    assert standing["error_type"] == "client_cancelled"
    assert not stage.listener.heard


async def test_a_running_request_may_still_finish_after_a_cancel() -> None:
    """202 is a request, not a promise: a job that runs is left to run."""
    async with staged(time_scale=1000) as stage:
        ack = (await stage.fal()).json()
        job = stage.world.find("fal", ack["request_id"])
        assert job
        assert job.task
        job.state = State.RUNNING
        assert (await stage.ask("PUT", ack["cancel_url"])).status_code == 202
        assert not job.task.cancelling()
        assert job.state is State.RUNNING


@pytest.mark.parametrize("path", ["/fal/fal-ai/other", "/fal/x", "/fal/fal-ai/flux-pro/requests/nobody/status"])
async def test_what_is_not_there_is_404(path: str) -> None:
    """An unknown model and an unknown request alike."""
    async with staged() as stage:
        found = [(await stage.ask(method, path, json={})).status_code for method in ("POST", "GET")]
    assert found == [404, 404]


async def test_the_lifecycle_header_sets_the_files_lifetime() -> None:
    """`X-Fal-Object-Lifecycle-Preference` in seconds; fal answers 404 for what has gone."""
    async with staged() as stage:
        headers = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 0}'}
        body = {"prompt": "a", "image_url": "https://x"}
        ack = (await stage.ask("POST", KONTEXT, json=body, headers=headers)).json()
        await stage.idle()
        url = (await stage.ask("GET", ack["response_url"])).json()["images"][0]["url"]
        assert (await stage.client.get(url)).status_code == 404
