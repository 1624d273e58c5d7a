"""The door for callbacks, with fal at it: every refusal of a signed delivery, and what is written down of each."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.ledger import tables
from receiver.ledger.arrivals import SPILL_BYTES
from receiver.ledger.columns import unpack
from tests.receiver.house import OTHER_SEED, House, done, opened

LIMIT = 4096
NAMES = ("Request-Id", "User-Id", "Timestamp", "Signature")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, max_body_bytes=LIMIT) as made:
        yield made


def refused(house: House) -> dict[str, object]:
    """The one delivery that is written down."""
    [row] = house.rows(tables.delivery)
    return row


async def test_news_then_a_duplicate(house: House) -> None:
    """The first is 200 with duplicate false; the same again is 200 with duplicate true, written down once."""
    job = await house.place()
    said = [await house.fal(job) for _ in range(3)]
    assert [(each.status_code, each.json()) for each in said] == [
        (200, {"duplicate": False}), (200, {"duplicate": True}), (200, {"duplicate": True}),
    ]  # fmt: skip
    assert house.count(job) == {"deliveries": 1, "events": 1, "images": 1, "tasks": 1}
    [row] = house.rows(tables.delivery)
    assert (row["verdict"], row["scheme"], row["key_id"], row["repeats"]) == ("verified", "fal-ed25519", "fal-1", 2)
    assert (row["body"], row["signed_at"]) == (done(job.request_id), house.clock())
    assert (await house.job(job)).status == "succeeded"


async def test_fifty_at_once_are_one(house: House) -> None:
    """Of many copies at the same moment exactly one is news: one event, one image, one task."""
    job = await house.place()
    said = await asyncio.gather(*(house.fal(job) for _ in range(50)))
    assert sorted(each.json()["duplicate"] for each in said) == [False] + [True] * 49
    assert house.count(job) == {"deliveries": 1, "events": 1, "images": 1, "tasks": 1}


async def test_a_retry_with_a_fresh_signature_is_a_duplicate(house: House) -> None:
    """The event is the idempotency key, not the signature or its time."""
    job = await house.place()
    await house.fal(job)
    house.clock.ahead(minutes=20)
    assert (await house.fal(job)).json() == {"duplicate": True}


async def test_a_callback_that_overtakes_the_acknowledgement(house: House) -> None:
    """The row stands before the provider is called, so a callback finds its job before the request id is known."""
    job = await house.place(noted=False)
    assert (await house.fal(job)).json() == {"duplicate": False}
    view = await house.job(job)
    assert (view.request_id, view.status) == (job.request_id, "succeeded")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 4000, b'{"a":' * 600, b"{}", b'{"request_id": 1}',
        b'{"request_id": "\\ud800", "status": "OK"}', b"9" * 4000, b'{"request_id": NaN}',
    ],
)  # fmt: skip
async def test_junk_that_is_signed_is_malformed(house: House, body: bytes) -> None:
    """Whatever a believed sender writes that is not its documented body is 400, and kept with who signed it."""
    job = await house.place()
    answer = await house.fal(job, body)
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")
    row = refused(house)
    assert (row["verdict"], row["body"], row["key_id"]) == ("malformed", body, "fal-1")


async def test_a_known_request_with_an_unknown_status_is_malformed_or_asked_about(house: House) -> None:
    """OK with no payload is no picture: the job is unclear, and due to be asked about at once."""
    job = await house.place()
    assert (await house.fal(job, done(job.request_id, payload=None, payload_error="x"))).status_code == 200
    [row] = house.rows(tables.job, id=job.id)
    assert (row["ask_at"], house.count(job)["images"]) == (house.clock(), 0)


@pytest.mark.parametrize("name", NAMES)
async def test_a_missing_or_doubled_header(house: House, name: str) -> None:
    """Each of fal's four headers must be there exactly once: 401 missing_header."""
    job, header = await house.place(), f"X-Fal-Webhook-{name}"
    body = done(job.request_id)
    headers = list(house.signed(job, body).items())
    for sent in ([pair for pair in headers if pair[0] != header], [*headers, (header, dict(headers)[header])]):
        answer = await house.client.post(job.hook, content=body, headers=sent)
        assert (answer.status_code, answer.json()["error"]) == (401, "missing_header")
    row = refused(house)
    assert (row["verdict"], row["body"], row["repeats"]) == ("missing_header", body, 1)


@pytest.mark.parametrize("signature", ["", "00", "zz" * 64, "0" * 127, "é" * 64])
async def test_a_signature_that_is_none(house: House, signature: str) -> None:
    """What is not 128 hex digits is 401 bad_signature, and no crash."""
    job = await house.place()
    body = done(job.request_id)
    headers = {name.encode(): value.encode() for name, value in house.signed(job, body).items()}
    headers[b"X-Fal-Webhook-Signature"] = signature.encode()
    answer = await house.client.post(job.hook, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_signature")
    assert refused(house)["verdict"] == "bad_signature"


@pytest.mark.parametrize("seconds", [-301, 301, -86400])
async def test_a_stale_timestamp(house: House, seconds: int) -> None:
    """Signed too long ago, or too far in the future: 401 stale_timestamp, both ways."""
    job = await house.place()
    stamp = str(int(house.clock().timestamp()) + seconds)
    answer = await house.fal(job, timestamp=stamp)
    assert (answer.status_code, answer.json()["error"]) == (401, "stale_timestamp")
    assert refused(house)["verdict"] == "stale_timestamp"


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_a_timestamp_at_the_edge(house: House, seconds: int) -> None:
    """The tolerance itself is within it."""
    stamp = str(int(house.clock().timestamp()) + seconds)
    assert (await house.fal(await house.place(), timestamp=stamp)).status_code == 200


async def test_a_changed_body_or_another_key_is_unknown(house: House) -> None:
    """What none of the keys signed is 401 unknown_key, with the bytes and headers that came."""
    job = await house.place()
    body = done(job.request_id)
    headers = house.signed(job, body)
    changed = await house.post(job, body + b" ", headers)
    other = await house.fal(job, seed=OTHER_SEED)
    assert [(each.status_code, each.json()["error"]) for each in (changed, other)] == [(401, "unknown_key")] * 2
    first, second = house.rows(tables.delivery)
    assert (first["body"], second["body"]) == (body + b" ", body)
    kept = dict(unpack(first["headers"]))
    assert {name: kept[name.lower()] for name in headers} == headers
    assert house.count(job)["events"] == 0


async def test_header_id_body_id_and_job_id_are_one(house: House) -> None:
    """A believed callback of another request is 409: header against body, and both against the job."""
    job, other = await house.place(), await house.place()
    body = done(job.request_id)
    crossed = await house.post(job, done(other.request_id), house.signed(job, done(other.request_id)))
    foreign = await house.post(job, done(other.request_id), house.signed(other, done(other.request_id)))
    assert [(each.status_code, each.json()["error"]) for each in (crossed, foreign)] == [(409, "wrong_request")] * 2
    assert house.count(job) | {"deliveries": 0} == {"deliveries": 0, "events": 0, "images": 0, "tasks": 0}
    assert (await house.post(job, body, house.signed(job, body))).json() == {"duplicate": False}


async def test_another_accounts_callback_is_refused_when_pinned(tmp_path: Path) -> None:
    """fal's keys sign for all its customers: with FAL_USER_ID only our own are believed."""
    async with opened(tmp_path, fal_user_id="user_1") as house:
        answer = await house.fal(await house.place(), user_id="user_2")
        assert (answer.status_code, answer.json()["error"]) == (401, "bad_signature")
        assert (await house.fal(await house.place(), user_id="user_1")).status_code == 200


async def test_a_refusal_that_is_repeated_fills_no_table(house: House) -> None:
    """The same refused bytes again are counted, not written down again."""
    job = await house.place()
    for _ in range(4):
        assert (await house.fal(job, b"junk")).status_code == 400
    assert refused(house)["repeats"] == 3


async def test_declared_too_large(house: House) -> None:
    """A Content-Length above MAX_BODY_BYTES is 413 before a byte is read; the delivery is written down."""
    job, pulled = await house.place(), []

    async def body() -> AsyncIterator[bytes]:
        pulled.append(1)
        yield b"x" * (LIMIT + 1)

    sized = {"Content-Length": str(LIMIT + 1)}
    answer = await house.client.post(job.hook, content=body(), headers=sized)
    assert (answer.status_code, answer.json()["error"], pulled) == (413, "too_large", [])
    assert (refused(house)["verdict"], refused(house)["body_bytes"]) == ("too_large", LIMIT + 1)


@pytest.mark.parametrize("length", [None, "10", "-5", "9" * 5000, "0x10"])
async def test_too_large_whatever_it_declares(house: House, length: str | None) -> None:
    """Chunked, or with a length that lies: the bytes are counted, and none is read beyond the cap."""
    job, pulled = await house.place(), 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(1000):
            pulled += 1
            yield b"x" * 1024

    headers = {"Content-Length": length} if length else {}
    answer = await house.client.post(job.hook, content=body(), headers=headers)
    assert (answer.status_code, answer.json()["error"], pulled) == (413, "too_large", LIMIT // 1024 + 1)
    assert refused(house)["verdict"] == "too_large"


async def test_a_body_of_just_the_limit_is_read(house: House) -> None:
    """MAX_BODY_BYTES itself is allowed, in pieces of any size."""
    job = await house.place()
    body = done(job.request_id)
    body += b" " * (LIMIT - len(body))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, LIMIT, 7):
            yield body[start : start + 7]

    answer = await house.client.post(job.hook, content=pieces(), headers=house.signed(job, body))
    assert answer.json() == {"duplicate": False}


@pytest.mark.parametrize("good", [True, False])
async def test_a_large_body_stands_in_storage(tmp_path: Path, *, good: bool) -> None:
    """Above 64 KiB the row holds the hash and storage the bytes, of what is believed and of what is refused."""
    async with opened(tmp_path) as house:
        job = await house.place()
        body = done(job.request_id) + b" " * SPILL_BYTES if good else b"{" * (SPILL_BYTES + 1)
        assert (await house.fal(job, body)).status_code == (200 if good else 400)
        row = refused(house)
        digest = hashlib.sha256(body).hexdigest()
        assert (row["body"], row["body_sha256"], row["body_bytes"]) == (None, digest, len(body))
        assert await house.road.storage.get(digest) == body
