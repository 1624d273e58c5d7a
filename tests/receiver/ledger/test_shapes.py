"""JSON in the contract's words (contract §6)."""

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from receiver.errors import BadSignature
from receiver.ledger.ledger import Ledger
from receiver.ledger.shapes import job_json, moment
from receiver.wire.types import Failure
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, arrival, collect_all, image, opened, success

JOB = {
    "id", "provider", "model", "request_id", "status", "created_at", "submitted_at", "finished_at", "delivered_at",
    "deadline_at", "params", "tags", "error", "cost_usd", "images", "deliveries",
}  # fmt: skip
IMAGE = {"n", "sha256", "media_type", "width", "height", "bytes", "url", "path", "arrived_by", "stored_at"}
DELIVERY = {"id", "received_at", "kind", "verdict", "scheme", "key_id", "signed_at"}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Folder:
    def path(self, sha256: str) -> Path | None:
        return Path("images") / sha256


async def _delivered(ledger: Ledger) -> str:
    job_id = await opened(ledger, params={"prompt": "p", "seed": 2**63 + 1}, tags={"for": "shop"})
    await ledger.record(ledgers.refused(job_id, BadSignature("no")))
    await ledger.record(arrival(job_id, success(image(), cost="0.04"), lifetime=timedelta(hours=1)))
    await collect_all(ledger)
    return job_id


async def test_a_job_has_the_contracts_fields(ledger: Ledger) -> None:
    """Exactly the contract's fields, and for images and deliveries at least those."""
    said = job_json(await ledger.job(await _delivered(ledger)), Folder())

    assert said.keys() == JOB
    assert all(each.keys() >= IMAGE for each in said["images"])
    assert [each.keys() >= DELIVERY for each in said["deliveries"]] == [True, True]


async def test_every_time_is_rfc_3339_in_utc(ledger: Ledger) -> None:
    """Each `…_at`, at every depth, is a time with microseconds and `Z`, or null."""
    said = json.loads(json.dumps(job_json(await ledger.job(await _delivered(ledger)), Folder())))
    parts = [said, *said["images"], *said["deliveries"]]

    times = [value for part in parts for name, value in part.items() if name.endswith("_at") and value is not None]

    assert len(times) == 9
    assert all(RFC_3339.fullmatch(each) for each in times)
    assert said["created_at"] == "2026-11-20T12:00:00.000250Z"


async def test_seeds_are_strings(ledger: Ledger) -> None:
    """Some seeds exceed 64 bits, and most JSON readers lose digits long before."""
    said = job_json(await ledger.job(await _delivered(ledger)), Folder())

    assert (said["images"][0]["seed"], said["params"]["seed"]) == ("9" * 25, str(2**63 + 1))


async def test_values_are_said_as_they_are(ledger: Ledger) -> None:
    """Costs are decimal strings, an image has its path where storage has files, an absent error is null."""
    said = job_json(await ledger.job(await _delivered(ledger)), Folder())

    assert (said["cost_usd"], said["error"], said["tags"]) == ("0.04", None, {"for": "shop"})
    assert said["images"][0]["path"] == f"images/{ledgers.sha(b'0')}"
    assert {each["verdict"] for each in said["deliveries"]} == {"unsigned", "bad_signature"}


async def test_an_error_has_code_and_message(ledger: Ledger) -> None:
    """The provider's own words."""
    job_id = await opened(ledger)
    await ledger.failed(job_id, Failure("nsfw", "not that"), NOW)

    assert job_json(await ledger.job(job_id), Folder())["error"] == {"code": "nsfw", "message": "not that"}


def test_a_moment_of_any_zone_is_utc() -> None:
    """One spelling for every time; none is null."""
    at = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))

    assert (moment(at), moment(None)) == ("2025-12-31T23:00:00.000000Z", None)
