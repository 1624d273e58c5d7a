import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.audit.seal import open_sealer
from receiver.ledger.ledger import Ledger
from receiver.settings import load
from receiver.wire.types import Failure
from tests.submitter.cli.stage import House, submitted

PROMPT = "a donut \x1b]0;owned\x07[bold]"


async def ended(ledger: Ledger) -> str:
    """A job that failed, sealed."""
    order = {"prompt": PROMPT, "images": []}
    job = await submitted(ledger, order=order, params={"prompt": PROMPT}, tags={"for": "tests"})
    await ledger.failed(job, Failure("bad_prompt", "no knives"), datetime.now(UTC))
    await open_sealer(ledger, load(), lambda: datetime.now(UTC)).work()
    return job


@pytest.fixture
def job(house: House) -> str:
    made = house.seeded(ended)
    house.capture.readouterr()
    return made


def altered(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[data.rindex(b"donut")] ^= 1
    path.write_bytes(data)
    return path


def test_export_lists_what_it_reveals_and_verify_bundle_checks_it(house: House, job: str) -> None:
    """All that is told stands on stderr first; the file and its hash are the data."""
    said = house.run("audit", "export", job[:13], "-o", "proof.zip", "--yes")
    assert said.status == 0
    assert f"reveals job: {job}" in said.err
    assert "reveals prompt: a donut" in said.err
    assert "\x1b" not in said.err
    assert "left out: nothing" in said.err
    assert said.out.startswith("proof.zip: ")
    assert "SHA-256 " in said.out
    said = house.run("audit", "verify-bundle", "proof.zip")
    assert (said.status, said.err) == (0, "")
    assert "good: checked" in said.out
    assert "compare it with one that you were given elsewhere" in said.out


def test_export_as_json(house: House, job: str) -> None:
    """File, length, hash and what was left out, for programs."""
    said = house.run("audit", "export", job, "-o", "proof.zip", "--redact", "prompt", "--redact", "tags", "--json")
    assert said.status == 0
    assert said.json["file"] == "proof.zip"
    assert said.json["bytes"] == Path("proof.zip").stat().st_size
    assert {"order_json", "params", "tags", "body"} <= set(said.json["left_out"])
    assert "donut" not in said.err
    assert house.run("audit", "verify-bundle", "proof.zip", "--json").json["good"] is True


def test_export_overwrites_only_when_told_to(house: House, job: str) -> None:
    """The file of before stays as it was, and no draft is left."""
    there = house.folder / "proof.zip"
    there.write_text("mine")
    said = house.run("audit", "export", job, "-o", "proof.zip", "--yes")
    assert said.status == 2
    assert "proof.zip exists; write another name, or --force" in said.line
    assert there.read_text() == "mine"
    assert house.run("audit", "export", job, "-o", "proof.zip", "--yes", "--force").status == 0
    assert there.read_bytes()[:2] == b"PK"
    assert [path.name for path in house.folder.iterdir() if "proof.zip" in path.name] == ["proof.zip"]


def test_export_asks_on_a_terminal(house: House, job: str) -> None:
    """Whoever says no has written nothing."""
    house.patch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, status, written in ((False, 1, False), (True, 0, True)):
        house.patch.setattr("typer.confirm", lambda *_, answer=answer, **__: answer)
        assert house.run("audit", "export", job, "-o", "proof.zip").status == status
        assert Path("proof.zip").exists() == written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "no/folder/proof.zip"], "there is no folder no/folder"),
        (["-o", "proof.zip", "--redact", "promt"], "there is no 'promt'; write one of prompt, order"),
        (["-o", "."], ". exists"),
        ([], "'--output'"),
    ],
)
def test_export_says_what_is_wrong_in_one_line(house: House, job: str, arguments: list[str], words: str) -> None:
    """And ends with status 2, before anything is written."""
    said = house.run("audit", "export", job, *arguments)
    assert said.status == 2
    assert words in said.line


def test_export_of_a_job_that_is_not_there_or_not_sealed(house: House, job: str) -> None:
    """Each has its sentence."""
    assert "there is no job 12345678" in house.run("audit", "export", "12345678", "-o", "a.zip").line
    new = house.job()
    said = house.run("audit", "export", job, new, "-o", "a.zip")
    assert said.status == 1
    assert f"{new} is not sealed yet: `proofhook serve` does so every few seconds" in said.line
    assert not Path("a.zip").exists()


def test_verify_bundle_names_what_was_altered(house: House, job: str) -> None:
    """With status 3; and what is no bundle with 2, in one line."""
    assert house.run("audit", "export", job, "-o", "proof.zip", "--yes").status == 0
    said = house.run("audit", "verify-bundle", str(altered(house.folder / "proof.zip")))
    assert said.status == 3
    assert "NOT good" in said.out
    assert "changed: trail/" in said.out
    (house.folder / "text.zip").write_text("hello")
    assert "text.zip is no bundle" in house.run("audit", "verify-bundle", "text.zip").line
    assert "cannot be read" in house.run("audit", "verify-bundle", "none.zip").line


def test_verify_bundle_trusts_the_key_that_is_given(house: House, job: str) -> None:
    """Another key is a finding."""
    assert house.run("audit", "export", job, "-o", "proof.zip", "--yes").status == 0
    key = house.run("audit", "verify-bundle", "proof.zip", "--json").json["key"]
    said = house.run("audit", "verify-bundle", "proof.zip", "--key", key, "--json")
    assert (said.status, said.json["pinned"]) == (0, True)
    said = house.run("audit", "verify-bundle", "proof.zip", "--key", "other/trail+00000000+AA==")
    assert said.status == 3
    assert "untrusted: signers.json" in said.out


ALONE = """
import sys
def refuse(event, arguments):
    if event.split(".")[0] in {"socket", "sqlite3", "subprocess"}:
        sys.exit(f"it wanted {event}")
sys.addaudithook(refuse)
sys.path.insert(0, sys.argv.pop(1))
from submitter.cli import main
main()
"""
"""The command, ended by the first thing it asks of network, database or another process (PEP 578)."""
NOTHING: list[dict[str, str]] = [
    {},
    {"PROOFHOOK_SECRET": "", "DATABASE_URL": "nonsense://", "STORAGE_URL": "nonsense://", "PORT": "nonsense"},
]


@pytest.mark.parametrize("environment", NOTHING, ids=["none", "nonsense"])
def test_verify_bundle_needs_nothing_and_makes_nothing(house: House, job: str, environment: dict[str, str]) -> None:
    """No setting, or none that is one; no database, no network, and an empty folder that is empty when it is done."""
    assert house.run("audit", "export", job, "-o", "proof.zip", "--yes").status == 0
    empty = house.folder / "empty"
    empty.mkdir()
    command = [sys.executable, "-c", ALONE, str(Path(__file__).parents[3]), "audit", "verify-bundle", "../proof.zip"]
    for status, good in ((0, True), (3, False)):
        done = subprocess.run(
            [*command, "--json"], cwd=empty, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (status, "")
        assert json.loads(done.stdout)["good"] is good
        assert list(empty.iterdir()) == []
        altered(house.folder / "proof.zip")
    said = subprocess.run([*command[:4], "jobs"], cwd=empty, env={}, capture_output=True, text=True, check=False)
    assert "it wanted" in said.stderr  # so that the above says something
