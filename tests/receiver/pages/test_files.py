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
