import base64
import hashlib
import itertools
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from submitter.sandbox.fal_callback import RETRIES, waits

from .stage import KONTEXT, Heard, Stage, staged

HEADERS = ("request-id", "user-id", "timestamp", "signature")


async def keys(stage: Stage) -> list[Mapping[str, str]]:
    found: list[Mapping[str, str]] = (await stage.client.get("/fal/.well-known/jwks.json")).json()["keys"]
    return found


def signed(heard: Heard, published: list[Mapping[str, str]]) -> bool:
    """fal's webhook page, step by step, with nothing of ours."""
    if any(f"x-fal-webhook-{name}" not in heard.headers for name in HEADERS):
        return False
    request_id, user_id, timestamp, signature = (heard.headers[f"x-fal-webhook-{name}"] for name in HEADERS)
    message = f"{request_id}\n{user_id}\n{timestamp}\n{hashlib.sha256(heard.body).hexdigest()}".encode()
    for key in published:
        raw = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(bytes.fromhex(signature), message)
        except InvalidSignature:
            continue
        return True
    return False


async def told(*faults: str, statuses: list[int] | None = None, **given: Any) -> tuple[list[Heard], list[bool], str]:
    """Everything the receiver heard of one job, whether each was signed, and the request id."""
    async with staged(*faults, time_scale=0.00001, statuses=statuses) as stage:
        ack = (await stage.fal(**given)).json()
        await stage.idle()
        published = await keys(stage)
    heard = stage.listener.heard
    return heard, [signed(one, published) for one in heard], ack["request_id"]


async def test_the_key_set_is_rfc_8037() -> None:
    """OKP keys with an unpadded base64url `x`, more than one, readable without a credential."""
    async with staged() as stage:
        published = await keys(stage)
    assert len(published) > 1
    assert all((key["kty"], key["crv"], len(key["x"])) == ("OKP", "Ed25519", 43) for key in published)


async def test_the_callback_is_signed_and_in_pythons_json_style() -> None:
    """Four headers, Ed25519 over raw bytes; a space after `:` and `,`; exactly the documented keys."""
    (heard,), (good,), request_id = await told(num_images=2)
    assert good
    assert heard.method == "POST"
    assert heard.headers["content-type"] == "application/json"
    assert heard.body == json.dumps(heard.json).encode()
    assert b'", "' in heard.body
    assert set(heard.json) == {"request_id", "gateway_request_id", "status", "payload", "error"}
    assert (heard.json["status"], heard.json["error"], heard.json["request_id"]) == ("OK", None, request_id)
    assert heard.headers["x-fal-webhook-request-id"] == request_id
    assert len(heard.json["payload"]["images"]) == 2
    assert abs(int(heard.headers["x-fal-webhook-timestamp"]) - time.time()) < 60


async def test_a_changed_body_is_not_signed() -> None:
    """The signature covers every byte."""
    async with staged() as stage:
        await stage.fal()
        await stage.idle()
        (heard,) = stage.listener.heard
        heard.body += b" "
        assert not signed(heard, await keys(stage))


@pytest.mark.parametrize(("word", "status"), [("[fail]", 500), ("[moderate]", 422)])
async def test_a_failure_is_told_with_its_detail(word: str, status: int) -> None:
    """`status` ERROR, `error` the status code in words, `payload.detail` a list."""
    (heard,), (good,), _ = await told(prompt=word)
    assert good
    assert (heard.json["status"], heard.json["error"]) == ("ERROR", f"Invalid status code: {status}")
    assert set(heard.json["payload"]["detail"][0]) == {"loc", "msg", "type"}


async def test_every_retry_is_signed_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late retry with the first timestamp would fail the receiver's tolerance."""
    clock = itertools.count(1_800_000_000, 60)
    monkeypatch.setattr(time, "time", lambda: next(clock))
    heard, good, _ = await told(statuses=[500, 404, 429])
    stamps = [int(one.headers["x-fal-webhook-timestamp"]) for one in heard]
    assert good == [True] * 4
    assert sorted(set(stamps)) == stamps


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_ends_the_delivery(status: int) -> None:
    """3xx is not followed and is a permanent failure."""
    heard, _, _ = await told(statuses=[status])
    assert len(heard) == 1


async def test_retries_end() -> None:
    """A receiver that always refuses is given up, never after more than 31 retries."""
    heard, _, _ = await told(statuses=[500] * 100)
    assert 10 < len(heard) <= RETRIES + 1


def test_the_schedule_grows_within_the_results_life() -> None:
    """120 s and growing, within an hour; within six minutes from 10 KB on."""
    small, large = list(waits(500)), list(waits(10 * 1024))
    assert (small[0], small[1]) == (0.0, 120.0)
    assert small[1:] == sorted(small[1:])
    assert sum(small) <= 3600
    assert sum(large) <= 360
    assert len(large) > 1


async def test_lost_sends_nothing() -> None:
    """The reconciler's case."""
    heard, _, _ = await told("lost")
    assert not heard


async def test_duplicate_sends_it_two_or_three_times() -> None:
    """All of them good."""
    heard, good, _ = await told("duplicate")
    assert 2 <= len(heard) <= 3
    assert all(good)


async def test_forged_comes_before_the_real_one() -> None:
    """A signature by a key that is not published, then the true callback."""
    heard, good, _ = await told("forged")
    assert good == [False, True]
    assert heard[0].body == heard[1].body


async def test_stale_is_correctly_signed_and_old() -> None:
    """With a count, the retry is fresh again."""
    heard, good, _ = await told("stale=1", statuses=[401])
    ages = [time.time() - int(one.headers["x-fal-webhook-timestamp"]) for one in heard]
    assert good == [True, True]
    assert ages[0] > 3000
    assert ages[1] < 60


async def test_unsigned_carries_no_header_of_fals() -> None:
    """With a count, the retry is signed again."""
    heard, good, _ = await told("unsigned=1", statuses=[401])
    assert good == [False, True]
    assert not any(name.startswith("x-fal") for name in heard[0].headers)


async def test_wrong_id_is_correctly_signed_for_another_request() -> None:
    """fal's keys are shared by all its customers: header and body agree, the job is not ours."""
    (heard,), (good,), request_id = await told("wrong_id")
    assert good
    assert heard.json["request_id"] == heard.headers["x-fal-webhook-request-id"] != request_id
    assert uuid.UUID(heard.json["request_id"])


async def test_payload_error_is_still_ok() -> None:
    """Status OK, payload null, payload_error a text; the response URL has the result."""
    async with staged("payload_error") as stage:
        ack = (await stage.fal()).json()
        await stage.idle()
        body = stage.listener.heard[0].json
        result = await stage.ask("GET", ack["response_url"])
    assert (body["status"], body["payload"]) == ("OK", None)
    assert body["payload_error"]
    assert result.json()["images"]


async def test_null_payload_says_nothing_more() -> None:
    """OK with nothing in it."""
    (heard,), _, _ = await told("null_payload")
    assert (heard.json["status"], heard.json["payload"]) == ("OK", None)
    assert "payload_error" not in heard.json


async def test_late_422_acknowledges_a_bad_input() -> None:
    """As the real queue does: the complaint comes in the callback, with the same detail."""
    async with staged("late_422") as stage:
        params = {"fal_webhook": "http://receiver.test/hook"}
        answer = await stage.ask("POST", KONTEXT, json={"prompt": 5}, params=params)
        await stage.idle()
        body = stage.listener.heard[0].json
    assert answer.status_code == 200
    assert (body["status"], body["error"]) == ("ERROR", "Invalid status code: 422")
    assert {tuple(item["loc"]) for item in body["payload"]["detail"]} == {("body", "prompt"), ("body", "image_url")}


@pytest.mark.parametrize("fault", ["early", "reorder"])
async def test_early_overtakes_the_acknowledgement(fault: str) -> None:
    """The callback has been heard when the submission returns."""
    async with staged(fault) as stage:
        ack = (await stage.fal()).json()
        assert [one.json["request_id"] for one in stage.listener.heard] == [ack["request_id"]]


async def test_early_does_not_wait_for_a_receiver_that_refuses() -> None:
    """Only the first sending comes before the acknowledgement; the retries follow."""
    async with staged("early", statuses=[503] * 3, time_scale=0.00001) as stage:
        assert (await stage.fal()).status_code == 200
        await stage.idle()
        assert len(stage.listener.heard) == 4
