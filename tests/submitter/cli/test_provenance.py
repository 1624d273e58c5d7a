"""`show` says what each stored picture says of its own making."""

import asyncio
from datetime import UTC, datetime

import pytest

from receiver.audit.provenance import credential, reading
from receiver.ledger.ledger import Ledger
from receiver.ledger.tasks import Collected
from receiver.storage import open_storage
from tests.receiver.audit.provenance.making import AI, borrowed, plain, signed
from tests.submitter.cli.stage import House, answered


@pytest.fixture(autouse=True)
def _afresh() -> None:
    reading._REMEMBERED.clear()


def delivered(house: House, data: bytes, media_type: str = "image/jpeg") -> str:
    """A job with one stored picture."""
    job, now = house.job(), datetime.now(UTC)

    async def seed(ledger: Ledger) -> None:
        held = await open_storage(f"file:{house.folder}/images").put(data)
        await ledger.record(answered(job, now))
        (task,) = await ledger.leased("worker", now, now, 1)
        await ledger.stored(task, Collected(held.sha256, media_type, 64, 48, held.bytes, "download"), now)

    house.seeded(seed)
    return job


def line(out: str) -> str:
    return out.split("\nprovenance\n")[1].splitlines()[1]


def test_a_valid_credential_is_shown(house: House) -> None:
    """State, issuer, what made it, and the source type in a word; a hostile name is text and one line."""
    said = house.run("show", delivered(house, signed("image/jpeg", "Maker \x1b[31m")))
    assert said.status == 0
    assert line(said.out).split("  ")[0] == "1"
    assert " ".join(line(said.out).split()) == "1 valid Maker \ufffd[31m a model 1.5 - trainedAlgorithmicMedia -"


def test_an_invalid_one_only_claims(house: House) -> None:
    """Why it does not hold; its issuer is a claim, and its source type is not taken for the picture's."""
    shown = " ".join(line(house.run("show", delivered(house, borrowed(), "image/png")).out).split())
    assert shown == "1 invalid claims Test Maker a model 1.5 - - assertion.dataHash.mismatch"


def test_the_json_has_it_under_each_image(house: House) -> None:
    """`provenance` beside the contract's own keys."""
    (image,) = house.run("show", delivered(house, signed("image/jpeg")), "--json").json["images"]
    assert image["media_type"] == "image/jpeg"
    assert image["provenance"] == {
        "c2pa": "valid", "issuer": "Test Maker", "generator": "a model 1.5", "signed_at": None, "detail": None,
        "digital_source_type": {"c2pa": AI, "xmp": None},
    }  # fmt: skip


def test_absent_and_not_installed_are_told_apart(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a credential is `present`, with what to install; a picture without one is `absent`."""
    monkeypatch.setattr(credential, "installed", lambda: False)
    assert "absent" in line(house.run("show", delivered(house, plain("image/jpeg"))).out)
    there = line(house.run("show", delivered(house, signed("image/jpeg"))).out)
    assert "present" in there
    assert "pip install 'proofhook[c2pa]'" in there


def test_a_file_that_is_gone_is_not_read(house: House) -> None:
    """Null in the JSON, no line in the text; a file that is not stored yet likewise."""
    job = delivered(house, signed("image/jpeg"))
    storage = open_storage(f"file:{house.folder}/images")
    asyncio.run(storage.delete(house.run("show", job, "--json").json["images"][0]["sha256"]))
    assert house.run("show", job, "--json").json["images"][0]["provenance"] is None
    assert "provenance" not in house.run("show", job).out
