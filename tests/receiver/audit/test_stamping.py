"""The stamper, and a real authority on loopback: what is kept, what is refused, and how often it asks."""

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.x509.oid import ExtendedKeyUsageOID

from receiver.audit import timestamp
from receiver.audit.certificate_set import ordered
from receiver.audit.stamping import FIRST, open_stamper, place
from receiver.errors import BrokenEvidence, Misconfigured, TryLater
from receiver.ledger import stamps, trail_tables
from receiver.ledger.evidence import moment
from tests.receiver.audit.asking import AUTHORITY, HOUR, Says, door, house, stamper
from tests.receiver.audit.authority import REJECTED, WITH_MODS, Authority
from tests.receiver.audit.sealing import Trail
from tests.receiver.hosting import answer
from tests.receiver.house import NOW, configured
from tests.receiver.ledger.conftest import backend, database_url, ledger
from tests.receiver.ledger.ledgers import rows

__all__ = ["backend", "database_url", "house", "ledger"]

OTHER = Authority(NOW)
OPENSSL = """
[tsa]
default_tsa = here
[here]
serial = {0}/serial
signer_cert = {0}/signer.pem
certs = {0}/roots.pem
signer_key = {0}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""


def kept(house: Trail) -> list[dict[str, Any]]:
    return rows(house.ledger, trail_tables.stamp)


async def test_the_newest_checkpoint_is_stamped_and_the_stamp_is_sealed(house: Trail) -> None:
    """The authority is asked about the SHA-256 of the note's bytes as RFC 3161 §3.4 has it; `verify` says by whom."""
    async with door(AUTHORITY) as there:
        assert await stamper(house, there.url, AUTHORITY.root).work()
    [mark], [row] = house.marks(), kept(house)
    assert b"content-type: application/timestamp-query" in there.heads[0].lower()
    facts = {"note_sha256": stamps.name(mark["note"]), "checkpoint": mark["n"], "tsa": there.url, "asked_at": NOW}
    assert row == facts | {"stamped_at": NOW, "response": row["response"]}
    house.now += timedelta(seconds=2)
    await house.sealer().work()
    assert house.refs()[-1] == row["note_sha256"]
    report = await house.check()
    assert (report.findings, report.checked["timestamps"]) == ([], 1)
    assert report.noted == [f"checkpoint 1 was stamped by CN=Test Authority at {moment(NOW)}"]


async def test_it_asks_no_more_often_than_it_is_told(house: Trail) -> None:
    """Once an hour, whatever is sealed in between; and never again about a checkpoint that has its stamp."""
    authority = Authority(NOW)
    async with door(authority) as there:
        one = stamper(house, there.url)
        assert await one.work()
        house.now = authority.now = NOW + HOUR + timedelta(seconds=1)
        assert not await one.work()
        await house.sealer().work()
        assert await one.work()
        house.now += HOUR / 2
        await house.jobs(1)
        await house.sealer().work()
        assert not await stamper(house, there.url).work()
    assert [row["checkpoint"] for row in kept(house)] == [1, 2]
    assert len(there.heads) == 2


async def test_nothing_is_asked_before_the_first_checkpoint(house: Trail) -> None:
    """And an authority that is not there is not missed."""
    await house.ledger.fact(lambda c: c.execute(trail_tables.checkpoint.delete()))
    assert not await stamper(house, "http://127.0.0.1:9/").work()


WRONG: dict[str, tuple[Says, type[Exception], str]] = {
    "another nonce": (Authority(NOW, nonce=7), BrokenEvidence, "another question"),
    "another imprint": (Authority(NOW, imprint=b"x" * 32), BrokenEvidence, "other bytes"),
    "refused": (Authority(NOW, status=REJECTED), BrokenEvidence, r"status 2 no more \]0;today"),
    "granted with changes": (Authority(NOW, status=WITH_MODS), BrokenEvidence, "status 1"),
    "no certificate": (Authority(NOW, with_certificate=False), BrokenEvidence, "certificate of the one who signed"),
    "another root": (OTHER, BrokenEvidence, "TSA_ROOTS"),
    "a clock well behind": (Authority(NOW - timedelta(minutes=16)), BrokenEvidence, "one of them is wrong"),
    "garbage": (lambda _: answer(b"nonsense"), BrokenEvidence, "no answer as RFC 3161"),
    "nothing": (lambda _: answer(b""), BrokenEvidence, "no answer as RFC 3161"),
    "too much": (lambda _: answer(b"x" * (timestamp.MAX_BYTES + 1)), TryLater, "more than 65536 bytes"),
    "an error": (lambda _: answer(b"sorry", 503), TryLater, "status 503"),
    "a redirect": (lambda _: answer(b"", 307, location="http://127.0.0.1:9/"), TryLater, "status 307"),
    "a closed door": (lambda _: b"", TryLater, "does not answer"),
}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", WRONG)
async def test_a_wrong_answer_is_not_kept(house: Trail, how: str) -> None:
    """What is no stamp of ours leaves no row and nothing to seal, and the reason is said."""
    says, error, words = WRONG[how]
    trusted = {"another root": (AUTHORITY.root,)}.get(how, (says.root,) if isinstance(says, Authority) else ())
    async with door(says) as there:
        with pytest.raises(error, match=words):
            await stamper(house, there.url, *trusted).work()
    assert len(there.heads) == 1
    assert kept(house) == []
    assert rows(house.ledger, trail_tables.unsealed) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_certificate_for_something_else_signs_no_time(house: Trail) -> None:
    """RFC 3161 §2.3: the key is for time-stamping alone."""
    server = Authority(NOW, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    async with door(server) as there:
        with pytest.raises(BrokenEvidence, match="TSA_ROOTS"):
            await stamper(house, there.url, server.root).work()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_an_authority_that_is_away_is_asked_ever_more_rarely(house: Trail) -> None:
    """It is said once, and once when it is back; sealing goes on meanwhile."""
    away, authority = [True], Authority(NOW)
    async with door(lambda question: answer(b"", 503) if away[0] else answer(authority.answer(question))) as there:
        one, asked = stamper(house, there.url), []
        with structlog.testing.capture_logs() as logs:
            for minutes in (0, 0.5, 0.5, 1, 1, 3, 1):
                house.now += FIRST * minutes
                await one.look()
                asked.append(len(there.heads))
            await house.jobs(1)
            await house.sealer().work()
            away[0] = False
            house.now += HOUR
            authority.now = house.now
            await one.look()
    assert asked == [1, 1, 2, 2, 3, 3, 4]
    said = [each["event"] for each in logs if each["event"].startswith("checkpoints get")]
    assert said == ["checkpoints get no timestamps", "checkpoints get timestamps again"]
    assert [row["checkpoint"] for row in kept(house)] == [2]


async def test_of_two_stampers_one_keeps_its_stamp(house: Trail) -> None:
    """Who comes second with a stamp of the same checkpoint leaves the first as it is, and nothing more to seal."""
    async with door(AUTHORITY) as there:
        assert await stamper(house, there.url).work()
    [row] = kept(house)
    second = stamps.Stamped(**row | {"tsa": "https://elsewhere.example/", "response": b"x"})
    assert not await house.ledger.fact(lambda c: stamps.add(c, second))
    assert kept(house) == [row]
    assert len(rows(house.ledger, trail_tables.unsealed)) == 1


async def test_it_runs_beside_others_until_the_word_comes(house: Trail) -> None:
    """Of two processes exactly one asks, and both end when they are told to."""
    stop = asyncio.Event()
    async with door(AUTHORITY) as there, asyncio.timeout(20), house.ledger.listening() as ear:
        running = [asyncio.create_task(stamper(house, there.url).run(stop)) for _ in range(2)]
        while not kept(house):
            await ear.changed(0.5, stop)
        stop.set()
        await asyncio.gather(*running)
    assert len(there.heads) == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_certificates_stand_in_any_order(house: Trail) -> None:
    """Many authorities send them as they were configured, not as DER sorts them; the answer is kept as it came."""
    authority = Authority(NOW, disorder=True)
    async with door(authority) as there:
        assert await stamper(house, there.url, authority.root).work()
    [row] = kept(house)
    assert ordered(row["response"]) != row["response"]
    assert ordered(ordered(row["response"])) == ordered(row["response"])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here; .ci/run installs it")
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_openssl_is_an_authority_and_checks_a_stamp(house: Trail, tmp_path: Path) -> None:
    """Not by our own reading of RFC 3161: openssl answers, and openssl verifies what is kept as the documents say."""
    (tmp_path / "tsa.cnf").write_text(OPENSSL.format(tmp_path))
    (tmp_path / "serial").write_text("01")
    (tmp_path / "signer.pem").write_bytes(AUTHORITY.signer[0])
    (tmp_path / "signer.key").write_bytes(AUTHORITY.signer[1])

    def says(question: bytes) -> bytes:
        (tmp_path / "question").write_bytes(question)
        _openssl(tmp_path, "-reply", "-config", "tsa.cnf", "-queryfile", "question", "-out", "answer")
        return answer((tmp_path / "answer").read_bytes())

    house.now = datetime.now(UTC)  # openssl's own
    await house.jobs(1)
    await house.sealer().work()
    async with door(says) as there:
        assert await stamper(house, there.url, AUTHORITY.root).work()
    [row], mark = kept(house), house.marks()[-1]
    (tmp_path / "checkpoint.tsr").write_bytes(row["response"])
    (tmp_path / "checkpoint.note").write_bytes(mark["note"])
    given = ("-in", "checkpoint.tsr", "-data", "checkpoint.note", "-CAfile", "roots.pem")
    assert b"Verification: OK" in _openssl(tmp_path, "-verify", *given)


def _openssl(folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(["openssl", "ts", *arguments], cwd=folder, capture_output=True, check=True)  # noqa: S607
    return done.stdout


async def test_the_settings_open_it(house: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None without TSA_URL; without the extra, or with roots that are none, the start is refused with the mend."""
    clock = lambda: NOW  # noqa: E731
    assert open_stamper(house.ledger, configured(tmp_path), clock) is None
    given = {"tsa_url": "https://tsa.example/", "tsa_roots": str(tmp_path / "none.pem")}
    for content in (None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        if content is not None:
            (tmp_path / "none.pem").write_bytes(content)
        with pytest.raises(Misconfigured, match=r"TSA_ROOTS: .*none\.pem"):
            open_stamper(house.ledger, configured(tmp_path, **given), clock)
    monkeypatch.setattr(timestamp, "installed", lambda: False)
    with pytest.raises(Misconfigured, match=r"TSA_URL: .*pip install 'proofhook\[timestamps\]'"):
        open_stamper(house.ledger, configured(tmp_path, **given), clock)


def test_a_password_is_not_kept() -> None:
    """Who asks with a name and a password finds neither in the ledger."""
    assert place("https://me:secret@tsa.example:8443/tsr") == "https://tsa.example:8443/tsr"
