"""`record`: one delivery, one transaction; repeats counted, strangers refused, refusals written down."""

import asyncio
import hmac
from dataclasses import replace

import pytest

from receiver.errors import BadSignature, Malformed, PlaceTaken, UnknownEndpoint, WrongRequest
from receiver.ledger import tables
from receiver.ledger.arrivals import Arrival
from receiver.ledger.columns import pack, unpack
from receiver.ledger.ledger import Ledger
from receiver.wire import schemes
from receiver.wire.types import Event, Headers, ImageRef, Key, KeyKind, Kind, Outcome, Trust
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import arrival, image, job_row, opened, rows, sha, sign, success, upload


async def test_the_same_delivery_fifty_times_at_once_is_one(ledger: Ledger) -> None:
    """Repeats die on the unique constraint: one event, one delivery with 49 repeats, one image, one task."""
    job_id = await opened(ledger)

    heard = await asyncio.gather(*(ledger.record(arrival(job_id, success(image()))) for _ in range(50)))

    assert sorted(each.duplicate for each in heard) == [False] + [True] * 49
    assert len(rows(ledger, tables.event)) == len(rows(ledger, tables.image)) == len(rows(ledger, tables.task)) == 1
    assert [row["repeats"] for row in rows(ledger, tables.delivery)] == [49]


async def test_an_unknown_request_id_is_adopted(ledger: Ledger) -> None:
    """A callback that overtakes the acknowledgement brings the request id along."""
    job_id = await opened(ledger)

    await ledger.record(arrival(job_id, sign(Outcome.PROGRESS)))

    assert job_row(ledger, job_id)["request_id"] == ledgers.REQUEST


async def test_another_request_id_is_refused_and_written_down(ledger: Ledger) -> None:
    """A delivery of another request is wrong_request: kept as evidence, and nothing of the job changes."""
    job_id = await opened(ledger)
    await ledger.noted(job_id, ledgers.acknowledged(), ledgers.NOW)
    before = job_row(ledger, job_id)

    heard = await ledger.record(arrival(job_id, success(image(), request_id="another")))

    assert isinstance(heard.refusal, WrongRequest)
    [row] = rows(ledger, tables.delivery)
    assert (row["id"], row["verdict"]) == (heard.delivery_id, "wrong_request")
    assert (job_row(ledger, job_id), rows(ledger, tables.event)) == (before, [])


async def test_events_of_two_requests_in_one_delivery_are_refused(ledger: Ledger) -> None:
    """The events of one delivery must agree, even while no request id is known."""
    job_id = await opened(ledger)

    heard = await ledger.record(arrival(job_id, success(image()), success(image("1"), request_id="another")))

    assert isinstance(heard.refusal, WrongRequest)
    assert job_row(ledger, job_id)["request_id"] is None


async def test_an_upload_says_nothing_about_the_request_id(ledger: Ledger) -> None:
    """A PUT knows no request id: it adopts none."""
    job_id = await opened(ledger, provider="runware", upload=True)

    heard = await ledger.record(upload(job_id, 0, b"png"))

    assert (heard.refusal, job_row(ledger, job_id)["request_id"]) == (None, None)


@pytest.mark.parametrize("job_id", [None, "5f0c8a52-6d1e-4b7a-9c36-0e2f4a1b8d97"])
async def test_an_unknown_job_leaves_no_trace(ledger: Ledger, job_id: str | None) -> None:
    """A delivery for no job of ours is UnknownEndpoint, and nothing is written: strangers fill no table."""
    heard = await ledger.record(arrival(job_id, success(image()), kind=Kind.ANSWER))

    assert isinstance(heard.refusal, UnknownEndpoint)
    assert heard.delivery_id is None
    assert rows(ledger, tables.delivery) == rows(ledger, tables.event) == []


async def test_another_providers_job_is_an_unknown_endpoint(ledger: Ledger) -> None:
    """One provider cannot speak for another's job."""
    job_id = await opened(ledger)

    heard = await ledger.record(arrival(job_id, success(image()), provider="runware"))

    assert isinstance(heard.refusal, UnknownEndpoint)
    assert job_row(ledger, job_id)["status"] == "pending"


async def test_a_refused_delivery_is_written_down_with_its_verdict(ledger: Ledger) -> None:
    """What was refused leaves its bytes, headers, verdict and reason."""
    job_id = await opened(ledger)

    heard = await ledger.record(ledgers.refused(job_id, BadSignature("not signed"), b"\x00junk"))

    assert isinstance(heard.refusal, BadSignature)
    [row] = rows(ledger, tables.delivery)
    assert (row["id"], row["verdict"], row["reason"]) == (heard.delivery_id, "bad_signature", "not signed")
    assert (row["body"], row["body_bytes"], row["body_sha256"]) == (b"\x00junk", 5, sha(b"\x00junk"))
    assert (row["scheme"], row["key_id"], row["repeats"]) == (None, None, 0)
    assert unpack(row["headers"]) == (("host", "x"), ("via", "\xff"))


async def test_the_same_refused_bytes_are_only_counted(ledger: Ledger) -> None:
    """A sender that keeps trying fills no table; other bytes, or another verdict, are news."""
    job_id = await opened(ledger)
    for refusal, body in [(BadSignature, b"a"), (BadSignature, b"a"), (BadSignature, b"b"), (Malformed, b"a")]:
        await ledger.record(ledgers.refused(job_id, refusal("no"), body))

    found = {(row["verdict"], row["body"]): row["repeats"] for row in rows(ledger, tables.delivery)}

    assert found == {("bad_signature", b"a"): 1, ("bad_signature", b"b"): 0, ("malformed", b"a"): 0}


async def test_a_counted_refusal_names_no_row_that_is_not_there(ledger: Ledger) -> None:
    """`delivery_id` is the id of a row, or None."""
    job_id = await opened(ledger)
    heard = [await ledger.record(ledgers.refused(job_id, BadSignature("no"))) for _ in range(2)]

    there = {row["id"] for row in rows(ledger, tables.delivery)}

    assert {each.delivery_id for each in heard} == there | {None}


async def test_a_refused_delivery_that_is_repaired_is_believed(ledger: Ledger) -> None:
    """A refusal takes no event id: the same event, believed later, is news."""
    job_id = await opened(ledger)
    await ledger.record(ledgers.refused(job_id, BadSignature("the keys were old"), b"{}"))

    heard = await ledger.record(arrival(job_id, success(image())))

    assert (heard.duplicate, heard.refusal) == (False, None)


async def test_uploads_fill_a_place_once(ledger: Ledger) -> None:
    """The same bytes again are a duplicate; different bytes for a filled place are PlaceTaken, staged or stored."""
    job_id = await opened(ledger, provider="runware", upload=True)

    first, again = [await ledger.record(upload(job_id, 0, b"png")) for _ in range(2)]
    staged = await ledger.record(upload(job_id, 0, b"other"))
    await ledgers.collect_all(ledger)
    stored = await ledger.record(upload(job_id, 0, b"third"))

    assert (first.duplicate, again.duplicate) == (False, True)
    assert isinstance(staged.refusal, PlaceTaken)
    assert isinstance(stored.refusal, PlaceTaken)
    assert [row["staged_sha256"] for row in rows(ledger, tables.image)] == [sha(b"png")]


async def test_different_uploads_at_once_fill_one_place(ledger: Ledger) -> None:
    """Of ten different PUTs to one place at once one is taken, nine are refused and written down."""
    job_id = await opened(ledger, provider="runware", upload=True)

    heard = await asyncio.gather(*(ledger.record(upload(job_id, 0, bytes([n]))) for n in range(10)))

    assert sorted(isinstance(each.refusal, PlaceTaken) for each in heard) == [False] + [True] * 9
    assert len(rows(ledger, tables.delivery)) == 10


async def test_a_key_that_verified_is_kept_but_no_secret(ledger: Ledger) -> None:
    """The delivery names the key; of a secret derived for one job only the fingerprint stands in the ledger."""
    job_id = await opened(ledger, provider="fireworks")
    key = Key("k1", KeyKind.HMAC, b"a shared secret", "derived")
    header = (b"x-sig", b"sha256=" + hmac.digest(key.material, b"{}", "sha256").hex().encode())
    signed = replace(ledgers.delivery(job_id, provider="fireworks"), headers=Headers((header,)))
    verified = schemes.hmac_sha256(signed, Trust((key,)), ledgers.NOW, header=b"x-sig", prefix=b"sha256=")

    await ledger.record(Arrival(signed, verified, (success(image()),)))

    [row] = rows(ledger, tables.delivery)
    assert (row["verdict"], row["scheme"], row["key_id"]) == ("verified", "hmac-sha256", "k1")
    assert (row["key_fingerprint"], rows(ledger, tables.key)) == (sha(key.material), [])


@pytest.mark.parametrize("key", ["²", "٣", "9" * 30, "9" * 199, "007", "-1", "uuid"])
async def test_a_results_name_may_be_anything(ledger: Ledger, key: str) -> None:
    """A stranger names the results: whatever looks like a number must not be taken for one that fits a column."""
    job_id = await opened(ledger)

    heard = await ledger.record(arrival(job_id, success(image(key))))

    assert heard.refusal is None
    assert [row["key"] for row in rows(ledger, tables.image)] == [key]


async def test_a_delivery_may_bring_news_and_repeats(ledger: Ledger) -> None:
    """Of a delivery with several events only the new ones climb; the delivery is written."""
    job_id = await opened(ledger, expected=2)
    one, two = (success(ImageRef(key, url="https://x/", place=0)) for key in "ab")
    await ledger.record(arrival(job_id, one))

    heard = await ledger.record(arrival(job_id, one, two, kind=Kind.ANSWER))

    assert (heard.duplicate, job_row(ledger, job_id)["status"]) == (False, "succeeded")
    assert {row["verdict"] for row in rows(ledger, tables.delivery)} == {"unsigned", "asked"}


async def test_a_repeat_inside_one_delivery_is_one_event(ledger: Ledger) -> None:
    """The same event twice in one delivery is one event."""
    job_id = await opened(ledger)
    event = Event("e", ledgers.REQUEST, Outcome.SUCCEEDED, (image(),))

    await ledger.record(arrival(job_id, event, event))

    assert len(rows(ledger, tables.event)) == len(rows(ledger, tables.task)) == 1


def test_headers_survive_byte_for_byte() -> None:
    """Latin-1 maps every byte to one character and back, so that evidence keeps what came."""
    every = bytes(byte for byte in range(256) if byte != ord("\n"))

    ((name, value), empty) = unpack(pack(((b"x-bytes", every), (b":status", b""))))

    assert empty == (":status", "")

    assert (name.encode("latin-1"), value.encode("latin-1")) == (b"x-bytes", every)
