"""`cancel`, `retry` and `redeliver` as they are typed."""

from datetime import UTC, datetime

from receiver.errors import Malformed
from receiver.ledger.ledger import Ledger
from receiver.wire.types import Delivery, Headers, Kind
from tests.submitter.cli.stage import House, answered, refused, sandbox

ANSWER = b'{"images": [{"url": "https://v3.fal.media/a.png"}], "seed": 1}'
PICTURE = "https://pictures.example.test/kitchen.png"


def test_retry(house: House) -> None:
    """A dead letter is taken up again, once; a job that is done has nothing to retry, which is no failure."""
    job = house.dead("HTTP 404")
    said = house.run("retry", job)
    assert said.status == 0
    assert f"job {job} taken up again: 1 image to collect" in said.out
    assert house.run("retry", job, "--json").json == {
        "id": job, "status": "succeeded", "retried": 0, "images": 0, "asked": False
    }  # fmt: skip
    said = house.run("retry", job)
    assert (said.status, said.out) == (0, f"job {job} is succeeded: there is nothing to retry\n")


def test_retry_asks(house: House) -> None:
    """Where the end is not known the provider is asked."""
    job = house.job()
    assert "a question to its provider" in house.run("retry", job).out
    assert house.run("retry", job, "--json").json["asked"] is True


def test_cancel(house: House) -> None:
    """What was cancelled here stays so, whether fal could be told or not; a second time there is nothing to cancel."""
    with sandbox(house):
        job = house.run("submit", "fal", "--prompt", "a donut", "--image", PICTURE, "--json").json["id"]
        said = house.run("cancel", job, "--json").json
    assert (said["id"], said["status"]) == (job, "cancelled")
    assert said["detail"].startswith("fal.ai was told" if said["told"] else "fal.ai answered HTTP 400")
    assert house.run("show", job, "--json").json["status"] == "cancelled"
    again = house.run("cancel", job)
    assert again.status == 1
    assert again.line == f"proofhook: job {job} is cancelled already: there is nothing to cancel"


def test_cancel_where_nobody_can_be_told(house: House) -> None:
    """Another provider documents no way, fal may have named no address or be away: cancelled here all the same."""
    for provider, says in (("runware", "documents no way to cancel"), ("fal", "gave no address to cancel at")):
        job = house.job(provider=provider)
        said = house.run("cancel", job[:8])
        assert said.status == 0
        assert f"job {job} is cancelled; " in said.out
        assert says in said.out
        assert house.run("show", job, "--json").json["status"] == "cancelled"


def test_cancel_before_the_call(house: House) -> None:
    """A job that was never sent costs nothing, and nobody need be told."""
    from tests.receiver.ledger.ledgers import new_job_id, opening

    job = new_job_id()
    house.seeded(lambda ledger: ledger.opened(opening(job)))
    assert house.run("cancel", job, "--json").json["detail"] == "its provider was never called: nothing was paid"


def test_nobody_to_cancel(house: House) -> None:
    """An id that no job has is bad usage."""
    said = house.run("cancel", "12345678")
    assert said.status == 2
    assert "there is no job 12345678" in said.line


def test_redeliver(house: House) -> None:
    """A refusal of ours that was mended since becomes a result; a second time it says nothing new."""
    job = house.job()
    status = Headers(((b":status", b"200"),))
    lost = Delivery("fal", Kind.ANSWER, job, status, ANSWER, datetime.now(UTC))

    async def seed(ledger: Ledger) -> str:
        from receiver.ledger.arrivals import Arrival

        return str((await ledger.record(Arrival(lost, refusal=Malformed("a defect of ours")))).delivery_id)

    first = house.seeded(seed)
    row = house.run("redeliver", first, "--json").json
    assert (row["id"], row["duplicate"], row["error"]) == (first, False, None)
    newest, *_ = house.run("deliveries", "--json").json
    assert (newest["id"], newest["verdict"], newest["reason"]) == (row["delivery"], "asked", f"redelivery of {first}")
    said = house.run("redeliver", first)
    assert (said.status, said.out) == (0, f"delivery {first} says nothing new: all of it is in the ledger already\n")


def test_redeliver_in_vain(house: House) -> None:
    """Refused again is status 1, what cannot be run is a line; an id that no delivery has is bad usage."""
    job = house.job()
    came = house.seeded(lambda ledger: ledger.record(refused(job, Malformed("x"), datetime.now(UTC))))
    house.patch.setenv("FAL_JWKS_URL", "http://127.0.0.1:9/jwks")
    said = house.run("redeliver", str(came.delivery_id))
    assert said.status == 1
    assert "the key server does not answer" in said.err
    taken = house.seeded(lambda ledger: ledger.record(answered(job, datetime.now(UTC))))
    assert "malformed" in house.run("redeliver", str(taken.delivery_id)).out
    assert house.run("redeliver", "nobody").status == 2
