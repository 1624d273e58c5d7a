"""Runware's ways home: every shape of callback, and callback and PUT in either order, end in the same rows."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from receiver.ledger import tables
from receiver.ledger.climb import UPLOAD_PATIENCE
from tests.receiver.house import House, Placed, as_json, item, opened, png

SHAPES = {
    "flat": lambda rows: [as_json(row) for row in rows],
    "list": lambda rows: [as_json(rows)],
    "list each": lambda rows: [as_json([row]) for row in rows],
    "data": lambda rows: [as_json({"data": rows})],
    "data each": lambda rows: [as_json({"data": row}) for row in rows],
    "data and errors": lambda rows: [as_json({"data": rows, "errors": []})],
    "twice": lambda rows: [as_json(rows), *(as_json(row) for row in rows)],
    "in pieces": lambda rows: [as_json(rows[:1]), as_json({"data": rows})],
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as made:
        yield made


def two(job: Placed) -> list[dict[str, Any]]:
    """Two results of one task."""
    first, second = item(job), item(job, imageUUID="image-1", imageURL="https://im.runware.ai/image/1.jpg", seed=8)
    return [first, second]


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_ends_in_the_same_rows(house: House, shape: str) -> None:
    """Flat, listed, wrapped, together or one by one: two images, their seeds and costs, two tasks, one job."""
    job = await house.place("runware", expected=2)
    for body in SHAPES[shape](two(job)):
        assert (await house.post(job, body)).status_code == 200
    images = house.rows(tables.image, job_id=job.id)
    assert [(row["key"], row["n"], row["url"], row["seed"], row["cost_usd"]) for row in images] == [
        ("image-0", 1, "https://im.runware.ai/image/0.jpg", "7", "0.04"),
        ("image-1", 2, "https://im.runware.ai/image/1.jpg", "8", "0.04"),
    ]
    view = await house.job(job)
    assert (view.status, view.cost_usd, house.count(job)["tasks"]) == ("succeeded", "0.08", 2)


async def test_each_result_alone_is_news(house: House) -> None:
    """One callback per result: the second is no duplicate of the first, and completes the job."""
    job = await house.place("runware", expected=2)
    said = [await house.post(job, as_json(row)) for row in two(job)]
    assert [each.json()["duplicate"] for each in said] == [False, False]
    assert (await house.post(job, as_json(two(job)))).json() == {"duplicate": True}


@pytest.mark.parametrize("shape", ["flat", "data", "errors", "nested"])
async def test_every_shape_of_a_failure(house: House, shape: str) -> None:
    """A failure is a failure in each of its shapes, with the provider's own code and message."""
    job = await house.place("runware")
    said = {"taskUUID": job.id, "code": "timeoutProvider", "message": "The external provider did not respond"}
    flat = said | {"status": "error"}
    nested = {"taskUUID": job.id, "status": "error", "error": {"code": said["code"], "message": said["message"]}}
    body = {"flat": flat, "data": {"data": [flat]}, "errors": {"errors": [said]}, "nested": nested}[shape]
    assert (await house.post(job, as_json(body))).status_code == 200
    view = await house.job(job)
    assert (view.status, view.error) == ("failed", {"code": said["code"], "message": said["message"]})


async def test_another_jobs_task_is_refused(house: House) -> None:
    """The token is of one job: an item of another's task is 409, and nothing beside it counts."""
    job, other = await house.place("runware"), await house.place("runware")
    answer = await house.post(job, as_json([item(job), item(other)]))
    assert (answer.status_code, answer.json()["error"]) == (409, "wrong_request")
    assert house.count(job)["images"] == 0


@pytest.mark.parametrize("body", [b"[]", b"{}", b"7", b'{"data": []}', b'{"data": [7]}', b'{"taskUUID": 1}'])
async def test_a_callback_that_says_nothing(house: House, body: bytes) -> None:
    """No item, no callback: 400 malformed."""
    assert (await house.post(await house.place("runware"), body)).json()["error"] == "malformed"


async def test_confirm_unsigned_makes_a_hint_of_it(tmp_path: Path) -> None:
    """CONFIRM_UNSIGNED=runware: the callback only makes us ask; progress, which claims nothing, passes."""
    async with opened(tmp_path, confirm_unsigned="runware") as house:
        job = await house.place("runware")
        await house.post(job, as_json(item(job, status="processing", imageURL=None)))
        [row] = house.rows(tables.job)
        assert row["ask_at"] > house.clock()
        assert (await house.post(job, as_json(item(job)))).json() == {"duplicate": False}
        assert house.count(job)["images"] == 0
        [row] = house.rows(tables.job)
        assert row["ask_at"] == house.clock()


async def due(house: House, job: Placed) -> bool:
    """Whether the job's image is to be collected now."""
    [task] = house.rows(tables.task, job_id=job.id)
    return bool(task["due_at"] <= house.clock())


async def test_put_before_callback(house: House) -> None:
    """The bytes are here at once; the callback adds seed, cost and URL to the same image."""
    job = await house.place("runware", upload=True)
    assert (await house.client.put(job.uploads[0], content=png())).status_code == 201
    assert await due(house, job)
    assert (await house.post(job, as_json(item(job)))).json() == {"duplicate": False}
    assert (await ends(house, job), await due(house, job)) == (both(), True)


async def test_callback_before_put(house: House) -> None:
    """The URL is left alone for a while, since the bytes are on their way; with them the image is due at once."""
    job = await house.place("runware", upload=True)
    assert (await house.post(job, as_json(item(job)))).json() == {"duplicate": False}
    assert not await due(house, job)
    house.clock.ahead(seconds=5)
    assert (await house.client.put(job.uploads[0], content=png())).status_code == 201
    assert (await ends(house, job), await due(house, job)) == (both(), True)


async def test_put_only(house: House) -> None:
    """Without any callback the bytes alone complete the job."""
    job = await house.place("runware", upload=True)
    assert (await house.client.put(job.uploads[0], content=png())).status_code == 201
    assert await ends(house, job) == both() | {"url": None, "seed": None, "cost_usd": None}


async def test_callback_only(house: House) -> None:
    """Bytes that do not come within the patience are fetched from the URL instead."""
    job = await house.place("runware", upload=True)
    assert (await house.post(job, as_json(item(job)))).json() == {"duplicate": False}
    assert await ends(house, job) == both() | {"staged_sha256": None, "staged_by": None}
    house.clock.ahead(seconds=UPLOAD_PATIENCE.total_seconds() - 1)
    assert not await due(house, job)
    house.clock.ahead(seconds=1)
    assert await due(house, job)


async def test_an_upload_places_callbacks_by_their_task(house: House) -> None:
    """With several uploads each callback belongs to the place of its own task, whatever came first."""
    job = await house.place("runware", upload=True, expected=2)
    await house.post(job, as_json(item(job, 1)))
    await house.client.put(job.uploads[0], content=png(color="red"))
    await house.client.put(job.uploads[1], content=png(color="lime"))
    await house.post(job, as_json(item(job, 0)))
    kept = {row["key"]: (row["url"], row["staged_sha256"]) for row in house.rows(tables.image)}
    assert kept == {
        str(n): (f"https://im.runware.ai/image/{n}.jpg", hashlib.sha256(png(color=color)).hexdigest())
        for n, color in enumerate(("red", "lime"))
    }


@pytest.mark.parametrize("form", ["imageBase64Data", "imageDataURI"])
async def test_a_picture_inside_the_callback(house: House, form: str) -> None:
    """outputType base64Data or dataURI: the bytes are in the callback, and there is nothing to fetch."""
    job, data = await house.place("runware"), png()
    text = base64.b64encode(data).decode()
    value = text if form == "imageBase64Data" else f"data:image/png;base64,{text}"
    await house.post(job, as_json(item(job, imageURL=None) | {form: value}))
    [image] = house.rows(tables.image)
    assert (image["staged_sha256"], image["url"]) == (hashlib.sha256(data).hexdigest(), None)


def both() -> dict[str, Any]:
    """What the one image of an upload job is when PUT and callback have come."""
    digest = hashlib.sha256(png()).hexdigest()
    told = {"url": "https://im.runware.ai/image/0.jpg", "seed": "7", "cost_usd": "0.04"}
    return {"status": "succeeded", "key": "0", "n": 1, "staged_sha256": digest, "staged_by": "upload"} | told


async def ends(house: House, job: Placed) -> dict[str, Any]:
    """The one image and the job's status."""
    [image] = house.rows(tables.image, job_id=job.id)
    names = ("key", "n", "staged_sha256", "staged_by", "url", "seed", "cost_usd")
    return {"status": (await house.job(job)).status} | {name: image[name] for name in names}
