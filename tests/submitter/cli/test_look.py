import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer

from receiver.errors import BadSignature
from submitter.cli.look import moment
from tests.submitter.cli.stage import House, answered, refused

ESCAPES = "\x1b]0;owned\x07[bold]x[/bold]"
FAR = "0000aaaa-0000-4000-8000-000000000001"
NEAR = "0000aaaa-0000-4000-8000-000000000002"


def test_jobs_table(house: House) -> None:
    """Newest first, ids whole; a provider's message is text and one line."""
    old = house.job(created_at=datetime.now(UTC) - timedelta(minutes=5))
    new = house.failed("bad_prompt", ESCAPES)
    said = house.run("jobs")
    assert (said.status, said.err) == (0, "")
    _, first, second = said.out.splitlines()
    assert first.startswith(f"{new}  fal ")
    assert first.endswith("bad_prompt: \ufffd]0;owned\ufffd[bold]x[/bold]")
    assert second.split()[:5] == [old, "fal", "submitted", "5", "min"]


def test_jobs_json_is_whole(house: House) -> None:
    """`jobs --json` is a list of jobs as the contract has them, deliveries included."""
    job = house.job()
    house.seeded(lambda ledger: ledger.record(answered(job, datetime.now(UTC))))
    (found,) = house.run("jobs", "--json").json
    assert found["id"] == job
    assert found["status"] == "succeeded"
    assert found["images"][0]["state"] == "announced"
    assert found["deliveries"][0]["verdict"] == "asked"


def test_jobs_filters(house: House) -> None:
    """Status, provider, age and number choose."""
    old = house.job(created_at=datetime.now(UTC) - timedelta(hours=3))
    bad, vtrix = house.failed("x", "y"), house.job(provider="vtrix")

    def ids(*arguments: str) -> set[str]:
        return {one["id"] for one in house.run("jobs", "--json", *arguments).json}

    assert ids("--status", "failed") == {bad}
    assert ids("--provider", "vtrix") == {vtrix}
    assert ids("--since", "2h") == {bad, vtrix}
    assert ids("--since", "1d") == {old, bad, vtrix}
    assert len(ids("--limit", "1")) == 1


def test_nothing_there(house: House) -> None:
    """An empty answer is status 0: an empty list for programs, a word beside the data for people."""
    assert house.run("jobs", "--json").json == []
    assert house.run("deliveries", "--json").json == []
    for verb in ("jobs", "deliveries"):
        said = house.run(verb)
        assert (said.status, said.out, said.line) == (0, "", f"no {verb}")


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90s", NOON - timedelta(seconds=90)),
        ("30m", NOON - timedelta(minutes=30)),
        ("2h", NOON - timedelta(hours=2)),
        ("3d", NOON - timedelta(days=3)),
        ("1w", NOON - timedelta(days=7)),
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T14:00:00.5+02:00", NOON + timedelta(seconds=0.5)),
        ("2026-11-20 12:00", NOON),
        ("2026-11-20", NOON - timedelta(hours=12)),
    ],
)
def test_moment(text: str, at: datetime) -> None:
    """An age or an RFC 3339 time; without a zone it is UTC, as all our times are."""
    assert moment(text, NOON.astimezone(timezone(timedelta(hours=5)))) == at


@pytest.mark.parametrize("text", ["", "h", "-2h", "2y", "999999999w", "2026-13-01", "٣h", "0001-01-01T00:00:00+23:00"])
def test_no_moment(text: str) -> None:
    """What is no time is refused, however it fails to be one."""
    with pytest.raises(typer.BadParameter):
        moment(text)


def test_show(house: House) -> None:
    """Everything of a job: times with durations, parameters, tags, error, deliveries with verdict and reason."""
    job = house.job(params={"prompt": ESCAPES, "seed": 7}, tags={"batch": "one"})
    refusal = BadSignature("no key of ours made this signature")
    house.seeded(lambda ledger: ledger.record(refused(job, refusal, datetime.now(UTC))))
    said = house.run("show", job)
    assert said.status == 0
    assert "\x1b" not in said.out
    facts = {line[: line.index("  ")]: line for line in said.out.splitlines() if "  " in line}
    assert facts["job"].endswith(job)
    assert "(+" in facts["submitted"]
    assert facts["param seed"].endswith("  7")
    assert "[bold]x[/bold]" in facts["param prompt"]
    assert facts["tag batch"].endswith("  one")
    assert said.out.splitlines()[-1].endswith("no key of ours made this signature")
    assert "no images yet" in said.out


def test_show_a_dead_letter(house: House) -> None:
    """An image that could not be collected is shown with its reason."""
    said = house.run("show", house.dead("HTTP 404"))
    (line,) = (line for line in said.out.splitlines() if " dead " in line)
    assert line.endswith("HTTP 404")


def test_show_json(house: House) -> None:
    """`show --json` is the job of the contract, stdout nothing else."""
    job = house.job(tags={"k": "v"})
    said = house.run("show", job, "--json")
    assert (said.json["id"], said.json["tags"], said.err) == (job, {"k": "v"}, "")


def test_the_first_characters_name_a_job(house: House) -> None:
    """Four characters are enough where they are one job's; where they are two jobs' it says so; capitals count not."""
    house.job(id=FAR)
    assert house.run("show", "0000AAAA", "--json").json["id"] == FAR
    house.job(id=NEAR)
    said = house.run("show", "0000")
    assert said.status == 2
    assert "2 jobs" in said.line
    assert house.run("show", NEAR, "--json").json["id"] == NEAR


def test_wait_for_several(house: House) -> None:
    """Status 0 only when every job was delivered; each of the others has its reason and the mend."""
    bad, dead, late = house.failed("moderated", "not this"), house.dead("HTTP 404"), house.job()
    said = house.run("wait", bad, dead, late, bad, "--timeout", "0")
    assert said.status == 1
    assert len(said.out.splitlines()) == 4
    assert said.err.splitlines() == [
        f"proofhook: job {bad} failed (moderated: not this)",
        f"proofhook: job {dead}: image 1 could not be collected (HTTP 404); `proofhook retry {dead}` tries again",
        f"proofhook: job {late} is still submitted and goes on; look with `proofhook wait {late}`",
    ]


def test_wait_json(house: House) -> None:
    """`wait --json` is a list, in the order asked for."""
    one, two = house.failed("a", "b"), house.failed("c", "d")
    said = house.run("wait", two, one, "--json")
    assert said.status == 1
    assert [job["id"] for job in said.json] == [two, one]


def test_deliveries(house: House) -> None:
    """What came in, believed or refused; job and verdict choose."""
    job, other, now = house.job(), house.job(), datetime.now(UTC)
    house.seeded(lambda ledger: ledger.record(answered(job, now)))
    house.seeded(lambda ledger: ledger.record(refused(other, BadSignature("forged"), now)))
    assert {one["job_id"] for one in house.run("deliveries", "--json").json} == {job, other}
    (found,) = house.run("deliveries", "--verdict", "bad_signature", "--json").json
    assert (found["job_id"], found["reason"]) == (other, "forged")
    (mine,) = house.run("deliveries", "--job", job, "--json").json
    assert mine["verdict"] == "asked"
    assert len(house.run("deliveries", "--limit", "1").out.splitlines()) == 2


def test_expired_says_how_to_ask_once_more(house: House) -> None:
    """A job past its deadline may still have an end that the provider knows."""
    job = house.job(deadline_at=datetime.now(UTC))
    house.seeded(lambda ledger: ledger.expired(datetime.now(UTC)))
    said = house.run("wait", job)
    assert said.status == 1
    assert "expired (deadline_passed: " in said.line
    assert said.line.endswith(f"; `proofhook retry {job}` asks once more")


def test_looking_needs_no_secret(house: House) -> None:
    """A look needs the ledger only: no key of ours is read, and none is made."""
    house.patch.delenv("PROOFHOOK_SECRET")
    house.patch.delenv("ADMIN_TOKEN")
    assert house.run("jobs", "--json").json == []
    assert not list(house.folder.glob("*.keys"))


def test_no_loop_is_left(house: House) -> None:
    """A command leaves no running loop behind."""
    house.run("jobs")
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
