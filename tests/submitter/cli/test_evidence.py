"""`keys` and `purge` as a person runs them."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from receiver.audit.seal import open_sealer
from receiver.ledger.ledger import Ledger
from receiver.settings import load
from receiver.wire.types import Failure
from tests.submitter.cli.stage import SECRET, House, submitted


def seal(house: House) -> None:
    async def work(ledger: Ledger) -> None:
        await open_sealer(ledger, load(), lambda: datetime.now(UTC)).work()

    house.seeded(work)


def test_keys_before_and_after_the_first_checkpoint(house: House) -> None:
    """Before it the key is `next`, then `in use`, with the time; no secret is ever shown."""
    [before] = house.run("keys", "--json").json
    assert (before["state"], before["since"], before["secret_here"]) == ("next", None, True)
    house.job()
    seal(house)
    said = house.run("keys")
    assert "in use" in said.out
    assert before["vkey"] in said.out
    assert SECRET not in said.out + said.err
    assert house.run("keys", "list").out == said.out


def test_rotating_the_key_file(house: House) -> None:
    """The file beside the database has both secrets, nothing of them is printed, and the next key is shown."""
    house.patch.delenv("PROOFHOOK_SECRET")
    house.job()
    seal(house)
    said = house.run("keys", "rotate")
    old, new = load().secrets
    assert said.status == 0
    assert "proofhook.db.keys" in said.out
    assert "with the next checkpoint, which the new key signs" in said.err
    assert not {old.decode(), new.decode()} & set((said.out + said.err).split())
    assert [key["state"] for key in house.run("keys", "--json").json] == ["in use", "next"]
    house.job()
    assert house.run("audit", "verify").status == 0


def test_rotating_what_is_set_by_hand(house: House) -> None:
    """The new secret is the one line on stdout, and stderr says where it belongs."""
    said = house.run("keys", "rotate")
    assert len(said.out.strip()) == 64
    assert "PROOFHOOK_SECRET" in said.err
    assert "restart" in said.err
    assert said.out.strip() not in said.err
    assert [path.name for path in house.folder.glob("*.keys")] == []


def test_a_fresh_secret(house: House) -> None:
    """One line that the settings take, another each time; no setting is needed, and no file is made or changed."""
    house.patch.delenv("PROOFHOOK_SECRET")
    house.patch.setenv("DATABASE_URL", "nonsense://")
    first, second = house.run("keys", "new"), house.run("keys", "new", "--json")
    assert (first.status, first.err, first.out.count("\n")) == (0, "", 1)
    assert first.out.strip() != second.json["secret"]
    assert list(house.folder.iterdir()) == []
    house.patch.setenv("DATABASE_URL", house.database)
    house.patch.setenv("PROOFHOOK_SECRET", first.out)
    assert load().secrets == (first.out.strip().encode(),)


def test_rotating_a_secret_that_is_none(house: House) -> None:
    """What is set now must be right first."""
    house.patch.setenv("PROOFHOOK_SECRET", "short")
    said = house.run("keys", "rotate")
    assert (said.status, said.out) == (2, "")
    assert "PROOFHOOK_SECRET" in said.line


PROMPT = "a prompt that nobody is to read"


def old(house: House, days: int = 40) -> str:
    """A job that failed so many days ago."""

    async def seed(ledger: Ledger) -> str:
        at = datetime.now(UTC) - timedelta(days=days)
        job = await submitted(ledger, order={"prompt": PROMPT}, created_at=at)
        await ledger.failed(job, Failure("boom", "it went boom"), at)
        return job

    return house.seeded(seed)


def test_purging_what_is_old(house: House) -> None:
    """First it is only told; then prompts are gone, younger jobs are whole, and `audit verify` says purged on."""
    mine, young = old(house), old(house, 2)
    said = house.run("purge", "--older-than", "30", "--dry-run")
    assert mine in said.out
    assert young not in said.out
    assert said.err == "1 job would be purged\n"
    assert [each["id"] for each in house.run("purge", "--older-than", "30", "--dry-run", "--json").json] == [mine]
    assert b"nobody is to read" in (house.folder / "proofhook.db").read_bytes() + wal(house)

    assert house.run("purge", "--older-than", "30", "--yes").out == "purged 1 job, 0 files\n"
    checked = house.run("audit", "verify")
    assert checked.status == 0
    assert f"job {mine} was purged on" in checked.err
    shown = house.run("show", mine, "--json").json
    assert shown["params"] == {}
    assert (shown["purged"]["why"], shown["purged"]["done"]) == ("older than 30 days, by hand", True)
    day = shown["purged"]["at"][:10]
    assert re.search(rf"^purged +{day} .*Z, older than 30 days, by hand$", house.run("show", mine).out, re.MULTILINE)
    assert house.run("show", young, "--json").json["purged"] is None
    assert "purged" not in house.run("show", young).out
    assert "purged" in house.run("retry", mine).line
    house.patch.setenv("RETENTION_DAYS", "1")
    assert house.run("purge", "--yes", "--json").json == {"jobs": 1, "files": 0}
    assert house.run("purge", "--yes").out == "purged 0 jobs, 0 files\n"


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


def wal(house: House) -> bytes:
    file = house.folder / "proofhook.db-wal"
    return file.read_bytes() if file.exists() else b""


def test_purging_one_job(house: House) -> None:
    """By its id or the beginning of it; one that has not ended is refused, and so is one that was purged."""
    mine, open_ = old(house, 1), house.job()
    assert house.run("purge", "--job", mine[:12], "--yes").out == "purged 1 job, 0 files\n"
    assert "purged already" in house.run("purge", "--job", mine, "--yes").line
    assert "not ended" in house.run("purge", "--job", open_, "--yes").line


def test_purging_is_asked_about(house: House) -> None:
    """Without --yes: where nobody can answer, or somebody says no, nothing happens."""
    mine = old(house)
    said = house.run("purge", "--older-than", "30")
    assert said.status == 2
    assert "--yes" in said.line
    house.patch.setattr("sys.stdin", Terminal("n\n"))
    assert house.run("purge", "--older-than", "30").status == 130
    assert house.run("purge", "--older-than", "30", "--dry-run").out.count(mine) == 1


@pytest.mark.parametrize("given", [[], ["--older-than", "0"], ["--job", "x", "--older-than", "3"], ["--job", "nojob"]])
def test_misused_purges_are_one_line(house: House, given: list[str]) -> None:
    """Status 2, and nothing is touched."""
    assert house.run("purge", "--yes", *given).status == 2
