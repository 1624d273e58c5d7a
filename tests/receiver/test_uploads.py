"""The door for results: what is taken, what is not an image, what is too large, and whose place it is."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.ledger import tables
from tests.receiver.house import House, opened, png

LIMIT = 4096


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, max_image_bytes=LIMIT) as made:
        yield made


def files(house: House) -> list[str]:
    """What storage holds, temporary files included."""
    return sorted(path.name for path in (house.folder / "images").rglob("*") if path.is_file())


async def test_new_bytes_then_the_same_again(house: House) -> None:
    """201 with hash and length, then 200 with the same; written down once, staged for the worker."""
    job, data = await house.place("runware", upload=True), png()
    digest = hashlib.sha256(data).hexdigest()
    said = [await house.client.put(job.uploads[0], content=data) for _ in range(2)]
    assert [each.status_code for each in said] == [201, 200]
    assert all(each.json() == {"sha256": digest, "bytes": len(data)} for each in said)
    assert house.count(job) == {"deliveries": 1, "events": 1, "images": 1, "tasks": 1}
    [image] = house.rows(tables.image)
    assert (image["staged_sha256"], image["staged_by"], image["key"]) == (digest, "upload", "0")
    [row] = house.rows(tables.delivery)
    assert (row["kind"], row["verdict"], row["body"], row["body_sha256"]) == ("upload", "unsigned", None, digest)
    assert files(house) == [digest]


async def test_the_same_bytes_at_once(house: House) -> None:
    """Of many copies at the same moment exactly one is new, and one file stands in storage."""
    job, data = await house.place("runware", upload=True), png()
    said = await asyncio.gather(*(house.client.put(job.uploads[0], content=data) for _ in range(20)))
    assert sorted(each.status_code for each in said) == [200] * 19 + [201]
    assert house.count(job) == {"deliveries": 1, "events": 1, "images": 1, "tasks": 1}
    assert files(house) == [hashlib.sha256(data).hexdigest()]


async def test_different_bytes_at_once(house: House) -> None:
    """Of different images for one place exactly one wins; the others are 409 and written down."""
    job = await house.place("runware", upload=True)
    pictures = [png(color=color) for color in ("red", "green", "blue", "white")]
    said = await asyncio.gather(*(house.client.put(job.uploads[0], content=data) for data in pictures))
    assert sorted(each.status_code for each in said) == [201, 409, 409, 409]
    assert house.count(job) == {"deliveries": 4, "events": 1, "images": 1, "tasks": 1}


async def test_different_bytes_for_a_filled_place(house: House) -> None:
    """A filled place stays as it is: 409 wrong_request, with the bytes that were refused kept as evidence."""
    job, other = await house.place("runware", upload=True), png(color="red")
    await house.client.put(job.uploads[0], content=png())
    answer = await house.client.put(job.uploads[0], content=other)
    assert (answer.status_code, answer.json()["error"]) == (409, "wrong_request")
    [row] = house.rows(tables.delivery, verdict="wrong_request")
    assert await house.road.storage.get(row["body_sha256"]) == other
    assert (await house.client.put(job.uploads[0], content=png())).status_code == 200


async def test_each_place_takes_its_own(house: House) -> None:
    """Several results have a URL each; the job is done with the last of them, in whatever order they come."""
    job = await house.place("runware", upload=True, expected=3)
    for place in (2, 0, 1):
        assert (await house.job(job)).status == "submitted"
        answer = await house.client.put(job.uploads[place], content=png(color=("red", "green", "blue")[place]))
        assert answer.status_code == 201
    assert (await house.job(job)).status == "succeeded"
    assert sorted((row["key"], row["n"]) for row in house.rows(tables.image)) == [("0", 1), ("1", 2), ("2", 3)]


@pytest.mark.parametrize(
    "body",
    [b"", b"\x89PNG", b"<!doctype html><html>" + b" " * 100, b"<svg xmlns='http://www.w3.org/2000/svg'/>",
     b"%PDF-1.7" + b" " * 100, b"\0" * 1000, b"BM" + b"\0" * 100],
)  # fmt: skip
async def test_what_is_not_an_image(house: House, body: bytes) -> None:
    """HTML, SVG, nothing at all: 415 from the first bytes, whatever the header calls it; nothing is stored."""
    job = await house.place("runware", upload=True)
    answer = await house.client.put(job.uploads[0], content=body, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["error"]) == (415, "not_an_image")
    [row] = house.rows(tables.delivery)
    assert (row["verdict"], row["kind"], row["body_bytes"]) == ("not_an_image", "upload", len(body))
    assert b"image/png" in row["headers"]
    assert files(house) == []
    assert (await house.client.put(job.uploads[0], content=png())).status_code == 201


async def test_what_is_not_an_image_is_not_read_on(house: House) -> None:
    """The first bytes decide: the rest of what is no image is never read."""
    job, pulled = await house.place("runware", upload=True), 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(100):
            pulled += 1
            yield b"x" * 64

    assert (await house.client.put(job.uploads[0], content=body())).status_code == 415
    assert pulled == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_every_format_in_pieces_of_any_size(house: House, kind: str) -> None:
    """The formats of image models are taken byte for byte, however the network cuts them."""
    job, data = await house.place("runware", upload=True), png(kind=kind)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 5):
            yield data[start : start + 5]

    answer = await house.client.put(job.uploads[0], content=pieces())
    assert answer.status_code == 201
    assert await house.road.storage.get(answer.json()["sha256"]) == data


async def test_declared_too_large(house: House) -> None:
    """A Content-Length above MAX_IMAGE_BYTES is 413 before a byte is read."""
    job, pulled = await house.place("runware", upload=True), []

    async def body() -> AsyncIterator[bytes]:
        pulled.append(1)
        yield png()

    answer = await house.client.put(job.uploads[0], content=body(), headers={"Content-Length": str(LIMIT + 1)})
    assert (answer.status_code, answer.json()["error"], pulled) == (413, "too_large", [])
    [row] = house.rows(tables.delivery)
    assert (row["verdict"], row["body_bytes"]) == ("too_large", LIMIT + 1)


async def test_too_large_without_saying_so(house: House) -> None:
    """Chunked bytes are counted: none is read beyond the cap, and none is left in storage."""
    job, pulled = await house.place("runware", upload=True), 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        yield png()
        for _ in range(1000):
            pulled += 1
            yield b"x" * 1024

    answer = await house.client.put(job.uploads[0], content=body())
    assert (answer.status_code, answer.json()["error"], pulled) == (413, "too_large", LIMIT // 1024)
    assert files(house) == []


async def test_an_image_of_just_the_limit(house: House) -> None:
    """MAX_IMAGE_BYTES itself is allowed."""
    job, data = await house.place("runware", upload=True), png()
    answer = await house.client.put(job.uploads[0], content=data + b"\0" * (LIMIT - len(data)))
    assert (answer.status_code, answer.json()["bytes"]) == (201, LIMIT)
