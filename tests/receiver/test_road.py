"""One road for all: what is believed, what is a hint, and where pictures inside a callback end up."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver import registry
from receiver.ledger import tables
from receiver.ledger.columns import unpack
from receiver.wire import schemes
from receiver.wire.types import Delivery, Headers, Kind
from tests.receiver.house import PUBLIC, SECRETS, House, Placed, as_json, done, opened, png
from tests.samples import make


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as made:
        yield made


def ready(job: Placed, sample: str = "https://delivery-eu1.bfl.ai/a.png", **changed: Any) -> bytes:
    """Fireworks' body of success."""
    return as_json({"id": job.request_id, "status": "Ready", "result": {"sample": sample}} | changed)


def by_bfl(job: Placed, body: bytes, **changed: str) -> dict[str, str]:
    """The header of whoever knows the job's secret."""
    recipe = {"secret": job.secret, "header": "X-BFL-Signature", "prefix": "sha256="}
    return dict(make.hmac_sha256(body, recipe | changed))


def row_of(house: House, job: Placed) -> dict[str, Any]:
    [row] = house.rows(tables.job, id=job.id)
    return row


async def test_what_nobody_signed_is_a_hint(house: House) -> None:
    """An unsigned Fireworks callback announces nothing: the job is unclear, and due to be asked about at once."""
    job = await house.place("fireworks")
    assert (await house.post(job, ready(job))).json() == {"duplicate": False}
    assert house.count(job) == {"deliveries": 1, "events": 1, "images": 0, "tasks": 0}
    assert (row_of(house, job)["ask_at"], (await house.job(job)).status) == (house.clock(), "submitted")
    [row] = house.rows(tables.delivery)
    assert (row["verdict"], row["scheme"]) == ("unsigned", "capability")
    assert (await house.post(job, ready(job))).json() == {"duplicate": True}


async def test_a_forged_failure_ends_nothing(house: House) -> None:
    """A failure that nobody signed is a hint as well."""
    job = await house.place("fireworks")
    await house.post(job, ready(job, status="Error", result=None))
    assert ((await house.job(job)).status, (await house.job(job)).error) == ("submitted", None)


async def test_a_hint_does_not_stand_in_the_way_of_the_truth(house: House) -> None:
    """After the hint the signed callback, or the answer to the question, is news."""
    job = await house.place("fireworks")
    await house.post(job, ready(job))
    assert (await house.post(job, ready(job), by_bfl(job, ready(job)))).json() == {"duplicate": False}
    assert (house.count(job)["images"], (await house.job(job)).status) == (1, "succeeded")


async def test_a_signed_callback_is_believed(house: House) -> None:
    """With the secret that went out with the job the callback counts."""
    job = await house.place("fireworks")
    assert (await house.post(job, ready(job), by_bfl(job, ready(job)))).json() == {"duplicate": False}
    [row] = house.rows(tables.delivery)
    assert (row["verdict"], row["scheme"], house.count(job)["tasks"]) == ("verified", "hmac-sha256", 1)
    assert (len(row["key_fingerprint"]), house.rows(tables.key)) == (64, [])


@pytest.mark.parametrize("changed", [{"secret": "another"}, {"prefix": "sha1="}, {"prefix": "sha256=00"}])
async def test_a_bad_signature_is_refused_though_the_token_is_good(house: House, changed: dict[str, str]) -> None:
    """A signature that is there must verify: no falling back to the token."""
    job = await house.place("fireworks")
    answer = await house.post(job, ready(job), by_bfl(job, ready(job), **changed))
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_signature")
    assert house.count(job) == {"deliveries": 1, "events": 0, "images": 0, "tasks": 0}


async def test_another_jobs_secret_opens_nothing(house: House) -> None:
    """Each job has its own secret, so one that leaks signs for one job only."""
    job, other = await house.place("fireworks"), await house.place("fireworks")
    assert (await house.post(job, ready(job), by_bfl(other, ready(job)))).status_code == 401


async def test_keys_that_were_rotated_still_open(tmp_path: Path) -> None:
    """After a rotation the URLs and secrets of jobs on their way stay good; the new key makes the new ones."""
    old = str(SECRETS["proofhook_secret"]).partition(",")[0]
    async with opened(tmp_path, proofhook_secret=old) as before:
        jobs = [await before.place("fireworks"), await before.place("fireworks")]
    async with opened(tmp_path) as house:
        for job in jobs:
            assert (await house.post(job, ready(job), by_bfl(job, ready(job)))).status_code == 200
        fresh = await house.place("fireworks")
    assert {row["verdict"] for row in house.rows(tables.delivery)} == {"verified"}
    async with opened(tmp_path, proofhook_secret=old) as before:
        assert (await before.post(fresh, ready(fresh))).status_code == 404


@pytest.mark.parametrize("form", ["data:image/png;base64,{}", "{}"])
async def test_a_picture_inside_the_body(house: House, form: str) -> None:
    """A data URI or bare base64 lands in storage as the bytes it means; the row holds their hash."""
    job, data = await house.place("fireworks"), png((90, 90), "red")
    body = ready(job, form.format(base64.b64encode(data).decode()))
    assert (await house.post(job, body, by_bfl(job, body))).status_code == 200
    digest = hashlib.sha256(data).hexdigest()
    [image] = house.rows(tables.image)
    assert (image["staged_sha256"], image["staged_by"], image["url"]) == (digest, "inline", None)
    assert await house.road.storage.get(digest) == data


async def test_several_pictures_inside_one_body(house: House) -> None:
    """fal's sync_mode: each picture under its own key; the body, too large for a row, stands in storage as well."""
    job, pictures = await house.place(), [png((300, 300), color) for color in ("red", "lime")]
    body = done(job.request_id, *(f"data:image/png;base64,{base64.b64encode(data).decode()}" for data in pictures))
    body += b" " * 70_000
    assert (await house.fal(job, body)).status_code == 200
    kept = {row["key"]: row["staged_sha256"] for row in house.rows(tables.image)}
    assert kept == {str(n): hashlib.sha256(data).hexdigest() for n, data in enumerate(pictures)}
    [row] = house.rows(tables.delivery)
    assert (row["body"], await house.road.storage.get(row["body_sha256"])) == (None, body)


async def test_a_hint_stores_no_pictures(house: House) -> None:
    """The bytes in an unsigned body are not worth keeping as a picture."""
    job, data = await house.place("fireworks"), png()
    await house.post(job, ready(job, base64.b64encode(data).decode()))
    assert not await house.road.storage.has(hashlib.sha256(data).hexdigest())


async def test_an_answer_takes_the_same_road(house: House) -> None:
    """What the provider answers to our question is believed without a signature, and the callback after it a repeat."""
    job, provider = await house.place("fireworks"), registry.provider("fireworks")
    delivery = Delivery("fireworks", Kind.ANSWER, job.id, Headers(((b":status", b"200"),)), ready(job), house.clock())
    signed = Delivery("fireworks", Kind.HOOK, job.id, Headers(), ready(job), house.clock())
    recorded = await house.road.believed(provider, schemes.asked(delivery), provider.parse(schemes.capability(signed)))
    assert (recorded.duplicate, (await house.job(job)).status) == (False, "succeeded")
    assert (await house.post(job, ready(job), by_bfl(job, ready(job)))).json() == {"duplicate": True}
    assert [row["verdict"] for row in house.rows(tables.delivery)] == ["asked"]


@pytest.mark.parametrize("body", [b"{}", b"junk", b'{"id": "x", "status": "completed"}'])
async def test_a_provider_without_callbacks_believes_none(house: House, body: bytes) -> None:
    """Vtrix calls nobody back: even with a good token nothing that comes there is believed."""
    job = await house.place("vtrix")
    answer = await house.post(job, body)
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_signature")
    assert house.count(job)["events"] == 0


async def test_headers_are_kept_as_they_came(house: House) -> None:
    """Order, repeats and odd bytes of the headers survive: they are what the signature was about."""
    job = await house.place("fireworks")
    pairs = [(b"X-Odd", b"caf\xe9"), (b"X-Twice", b"1"), (b"X-Twice", b"2")]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url=PUBLIC) as client:
        assert (await client.post(job.hook, content=b"junk", headers=pairs)).status_code == 400
    [row] = house.rows(tables.delivery)
    kept = [(name, value) for name, value in unpack(row["headers"]) if name.startswith("x-")]
    assert kept == [("x-odd", "caf\xe9"), ("x-twice", "1"), ("x-twice", "2")]
