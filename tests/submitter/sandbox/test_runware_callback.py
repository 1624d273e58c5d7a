import base64
import io
from random import Random

import pytest
from PIL import Image

from submitter.sandbox.runware import TRIES, waits

from .stage import UPLOAD, staged, task

POST = "POST"
URL = "/runware/v1"


async def test_each_result_has_its_own_callback() -> None:
    """One POST per result, flat, the same taskUUID and another imageUUID; nothing is signed."""
    whole = task(numberResults=3)
    async with staged() as stage:
        await stage.ask(POST, URL, json=[whole])
        await stage.idle()
    bodies = [heard.json for heard in stage.listener.heard]
    assert {body["taskUUID"] for body in bodies} == {whole["taskUUID"]}
    assert len({body["imageUUID"] for body in bodies}) == len(bodies) == 3
    assert all("data" not in body and body["imageURL"] and "cost" not in body for body in bodies)
    assert all("signature" not in name for heard in stage.listener.heard for name in heard.headers)


async def test_wrapped_puts_the_item_into_data() -> None:
    """The older SDK's reading."""
    async with staged("wrapped") as stage:
        await stage.runware()
        await stage.idle()
    assert [len(heard.json["data"]) for heard in stage.listener.heard] == [1]


async def test_reorder_sends_the_last_result_first() -> None:
    """All before the acknowledgement has been read."""
    async with staged("reorder") as stage:
        await stage.runware(numberResults=3, seed=10)
        await stage.idle()
    assert [heard.json["seed"] for heard in stage.listener.heard] == [12, 11, 10]


@pytest.mark.parametrize(("kind", "key"), [("base64Data", "imageBase64Data"), ("dataURI", "imageDataURI")])
async def test_bytes_may_travel_in_the_callback(kind: str, key: str) -> None:
    """outputType in place of a URL; format and size as asked."""
    async with staged() as stage:
        await stage.runware(outputType=kind, outputFormat="WEBP", width=80, height=64)
        await stage.idle()
    (heard,) = stage.listener.heard
    head, _, text = heard.json[key].rpartition(",")
    assert head == ("" if kind == "base64Data" else "data:image/webp;base64")
    assert "imageURL" not in heard.json
    with Image.open(io.BytesIO(base64.b64decode(text, validate=True))) as image:
        assert (image.format, image.size) == ("WEBP", (80, 64))


@pytest.mark.parametrize(
    ("faults", "order"),
    [((), ["PUT", "POST"]), (("put_late",), ["POST", "PUT"]), (("put_never",), ["POST"])],
)
async def test_the_picture_is_put_as_raw_bytes(faults: tuple[str, ...], order: list[str]) -> None:
    """Before the callback, after it, or never: the order is not documented."""
    async with staged(*faults) as stage:
        await stage.runware(uploadEndpoint=UPLOAD, outputFormat="PNG")
        await stage.idle()
        heard = stage.listener.heard
        url = next(one for one in heard if one.method == "POST").json["imageURL"]
        fetched = await stage.client.get(url)
    assert [one.method for one in heard] == order
    for one in heard:
        if one.method == "PUT":
            assert one.headers["content-type"] == "image/png"
            assert one.body == fetched.content


async def test_an_upload_is_tried_again_after_a_5xx() -> None:
    """And given up after a 4xx; the callback comes either way."""
    async with staged(statuses=[503, 201]) as stage:
        await stage.runware(uploadEndpoint=UPLOAD)
        await stage.idle()
        (job,) = await stage.jobs()
    assert [one["status"] for one in job["uploads"]] == [503, 201]
    assert [one["status"] for one in job["callbacks"]] == [200]


@pytest.mark.parametrize("fault", ["flat_error", "nested_error"])
async def test_a_failure_has_been_seen_in_two_other_shapes(fault: str) -> None:
    """A task object with status error, its code beside it or nested."""
    async with staged(fault) as stage:
        await stage.runware(positivePrompt="[fail]")
        await stage.idle()
    body = stage.listener.heard[0].json
    assert body["status"] == "error"
    assert (body["error"] if fault == "nested_error" else body)["code"] == "timeoutProvider"


@pytest.mark.parametrize("fault", ["wrong_id", "null_payload"])
async def test_other_faults_of_the_callback(fault: str) -> None:
    """Another taskUUID, or a success without a picture."""
    whole = task()
    async with staged(fault) as stage:
        await stage.ask(POST, URL, json=[whole])
        await stage.idle()
    body = stage.listener.heard[0].json
    assert (body["taskUUID"] != whole["taskUUID"]) == (fault == "wrong_id")
    assert ("imageURL" not in body) == (fault == "null_payload")


async def test_checked_content_is_marked() -> None:
    """NSFWContent only where checking was asked for."""
    async with staged() as stage:
        await stage.runware(safety={"checkContent": True}, positivePrompt="[nsfw] donut")
        await stage.runware()
        await stage.idle()
    assert [heard.json.get("NSFWContent") for heard in stage.listener.heard] == [True, None]


async def test_ttl_is_honoured() -> None:
    """In seconds, by the sandbox's clock."""
    async with staged(time_scale=0.0000001) as stage:
        await stage.runware(ttl=60)
        await stage.runware()
        await stage.idle()
        urls = [heard.json["imageURL"] for heard in stage.listener.heard]
        assert [(await stage.client.get(url)).status_code for url in urls] == [410, 200]


async def test_retries_end_after_a_bounded_number() -> None:
    """250 ms doubling, capped at 8 s, with jitter; any status but 2xx is retried."""
    async with staged(statuses=[500, 302, 404] * 10, time_scale=0.00001) as stage:
        await stage.runware()
        await stage.idle()
    found = list(waits(Random(1)))  # noqa: S311  jitter
    assert len(stage.listener.heard) == len(found) == TRIES
    assert 0.2 <= found[1] <= 0.3
    assert max(found) <= 8 * 1.2
