import uuid

import httpx
import pytest

from receiver.road import Road
from tests.receiver.pages.seeding import Seed, png


async def test_an_image_is_served_byte_for_byte(browser: httpx.AsyncClient, seed: Seed) -> None:
    """The stored bytes, named and typed by what they are, kept by the browser, and unable to do anything."""
    data = png((300, 200))
    job_id = await seed.opened()
    await seed.came(job_id)
    sha256 = await seed.stored(job_id, data)
    response = await browser.get(f"/jobs/{job_id}/images/1")
    assert response.content == data
    expected = {
        "content-type": "image/png",
        "content-length": str(len(data)),
        "content-disposition": f'inline; filename="{job_id[:8]}-1.png"',
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "etag": f'"{sha256}"',
        "cache-control": "private, max-age=31536000, immutable",
    }
    assert {name: response.headers[name] for name in expected} == expected


@pytest.mark.parametrize("given", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
async def test_bytes_that_are_held_are_not_sent_again(browser: httpx.AsyncClient, seed: Seed, given: str) -> None:
    """If-None-Match with the hash is 304; another hash is the whole image."""
    job_id = await seed.delivered()
    where = f"/jobs/{job_id}/images/1"
    etag = (await browser.get(where)).headers["etag"]
    again = await browser.get(where, headers={"if-none-match": given.format(etag.strip('"'))})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await browser.get(where, headers={"if-none-match": '"other"'})).status_code == 200


SIZE = 2_500_000
BODY = png((8, 8)).ljust(SIZE - 5, b"\0") + b"fin.."
"""More than one batch."""


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1), ("bytes=2-", 2, SIZE), ("bytes=1000-2000999", 1000, 2_001_000),
        ("bytes=-5", SIZE - 5, SIZE), (f"bytes=-{SIZE + 1}", 0, SIZE), ("Bytes= 7-99999999999999999999", 7, SIZE),
    ],
)  # fmt: skip
async def test_a_part_is_served(browser: httpx.AsyncClient, seed: Seed, wanted: str, start: int, stop: int) -> None:
    """One range of bytes is 206 (RFC 9110 §14): a large picture is taken up where it broke off."""
    where = f"/jobs/{await seed.delivered(data=BODY)}/images/1"
    part = await browser.get(where, headers={"range": wanted})
    assert (part.status_code, part.content) == (206, BODY[start:stop])
    assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert (part.headers["content-length"], part.headers["content-type"]) == (str(stop - start), "image/png")


async def test_what_is_no_part_is_not_served_as_one(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Behind the end is 416 with the size; what cannot be read, is of other bytes, or no GET, is all of it."""
    where = f"/jobs/{await seed.delivered(data=BODY)}/images/1"
    whole = await browser.head(where, headers={"range": "bytes=0-1"})
    assert (whole.status_code, whole.headers["content-length"]) == (200, str(SIZE))
    assert whole.headers["accept-ranges"] == "bytes"
    for wanted in (f"bytes={SIZE}-", "bytes=-0", f"bytes={'9' * 40}-{'9' * 40}"):
        answer = await browser.get(where, headers={"range": wanted})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    for wanted in ("bytes=2-1", "bytes=-", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b", f"bytes={'9' * 5000}-"):
        assert (await browser.get(where, headers={"range": wanted})).status_code == 200
    etag = whole.headers["etag"]
    for given, status in ((etag, 206), (f"W/{etag}", 200), ('"other"', 200), ("Sun, 01 Mar 2026 12:00:00 GMT", 200)):
        answer = await browser.get(where, headers={"range": "bytes=0-1", "if-range": given})
        assert answer.status_code == status, given
    both = {"range": "bytes=0-1", "if-none-match": etag}
    assert (await browser.get(where, headers=both)).status_code == 304


async def test_the_type_is_sniffed_again(browser: httpx.AsyncClient, seed: Seed) -> None:
    """The row's word for the type is not believed: bytes decide what a browser is told."""
    job_id = await seed.opened()
    await seed.came(job_id)
    await seed.stored(job_id, png(), media_type="text/html")
    assert (await browser.get(f"/jobs/{job_id}/images/1")).headers["content-type"] == "image/png"


async def test_a_large_image_comes_in_pieces(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """More than one batch of bytes arrives whole."""
    data = png((8, 8)) + bytes(range(256)) * 9000
    job_id = await seed.delivered(data=data)
    assert (await browser.get(f"/jobs/{job_id}/images/1")).content == data


@pytest.mark.parametrize("number", ["0", "2", "99999", "-1", "x", "1.0", "%C2%B2", "9" * 5000])
async def test_no_such_image_is_404(browser: httpx.AsyncClient, seed: Seed, number: str) -> None:
    """A number that the job has no stored image for, and a junk one, are told alike."""
    job_id = await seed.delivered()
    assert (await browser.get(f"/jobs/{job_id}/images/{number}")).status_code == 404
    assert (await browser.get(f"/jobs/{uuid.uuid4()}/images/1")).status_code == 404


async def test_a_file_that_is_gone_is_404(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """A ledger that is ahead of its storage is told in words, before any byte is sent."""
    job_id = await seed.opened()
    await seed.came(job_id)
    await road.storage.delete(await seed.stored(job_id))
    response = await browser.get(f"/jobs/{job_id}/images/1", headers={"accept": "image/*"})
    assert response.status_code == 404
    assert response.json()["error"] == "permanent"


async def test_static_files_are_open_and_few(stranger: httpx.AsyncClient) -> None:
    """Style sheet and mark need no session; nothing else lies there, whatever the path says."""
    sheet = await stranger.get("/static/style.css")
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert (await stranger.get("/static/mark.svg")).headers["x-content-type-options"] == "nosniff"
    for name in ("nothing.css", "..%2frender.py", "%2e%2e/render.py", ""):
        assert (await stranger.get(f"/static/{name}")).status_code == 404
