import os
import subprocess
import sys

import pytest
import typer

from receiver.errors import LedgerBusy
from receiver.ledger.ledger import Ledger
from submitter.cli import app
from tests.submitter.cli.stage import House

COMMANDS = {
    "submit", "jobs", "show", "wait", "deliveries", "retry", "serve", "demo", "settings", "migrate", "sandbox",
}  # fmt: skip


def test_help_lists_every_command(house: House) -> None:
    """`proofhook --help` and `proofhook` alone name every command there is."""
    for arguments in (["--help"], []):
        said = house.run(*arguments)
        assert said.status == 0
        assert {line.split()[1] for line in said.out.splitlines() if line.startswith("│ ")} >= COMMANDS


def test_every_option_is_described() -> None:
    """Each command has a sentence, each option and argument its meaning."""
    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]  # a group, as it has several commands
    assert set(commands) >= COMMANDS
    for name, command in commands.items():
        assert command.help, name
        for param in command.params:
            assert getattr(param, "help", None), f"{name} {param.name}"


def test_help_is_quick() -> None:
    """`--help` loads none of the libraries that only work needs."""
    heavy = "{'sqlalchemy', 'httpx', 'pydantic', 'starlette', 'PIL', 'alembic', 'uvicorn'}"
    script = f"import sys; from submitter.cli import run; run(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version(house: House) -> None:
    """`--version` prints name and version."""
    assert house.run("--version").out.startswith("proofhook 0.")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["bogus"], "bogus"),
        (["submit"], "PROVIDER"),
        (["submit", "fal", "--n", "0"], "--n"),
        (["submit", "fal", "--safety", "7"], "--safety"),
        (["submit", "fal", "--format", "gif"], "--format"),
        (["submit", "fal", "--timeout", "1"], "--timeout"),
        (["submit", "fal", "--colour"], "--colour"),
        (["submit", "fal", "--prompt", "\udcff"], "UTF-8"),
        (["submit", "nobody"], "nobody"),
        (["submit", "fal", "--image", "none.png"], "--image none.png"),
        (["submit", "fal", "-p", "x"], "-p x"),
        (["submit", "fal", "--tag", "x"], "--tag x"),
        (["submit", "fal", "--tag", "x=1", "--tag", "x=2"], "--tag x"),
        (["jobs", "--status", "lost"], "--status"),
        (["jobs", "--provider", "nobody"], "nobody"),
        (["jobs", "--since", "yesterday"], "--since"),
        (["jobs", "--limit", "0"], "--limit"),
        (["show"], "JOB"),
        (["wait"], "JOB"),
        (["sandbox", "--time-scale", "0"], "--time-scale"),
        (["sandbox", "--time-scale", "nan"], "--time-scale"),
        (["sandbox", "--fault", "nonsense"], "--fault"),
    ],
)
def test_bad_usage(house: House, arguments: list[str], names: str) -> None:
    """Bad usage is status 2 and one line that names the argument, never a traceback, nothing on stdout."""
    said = house.run(*arguments)
    assert (said.status, said.out) == (2, "")
    assert names in said.line


@pytest.mark.parametrize("arguments", [["jobs"], ["settings"], ["migrate"], ["wait", "abcd"], ["sandbox", "--port=0"]])
def test_wrong_setting(house: House, arguments: list[str]) -> None:
    """A setting that cannot be read is status 2 and one line naming it."""
    house.patch.setenv("PORT", "x")
    said = house.run(*arguments)
    assert (said.status, said.out) == (2, "")
    assert said.line.startswith("proofhook: PORT: ")


@pytest.mark.parametrize("verb", ["show", "wait", "retry"])
@pytest.mark.parametrize("given", ["abc", "00000000", "\x1b[2J????"])
def test_no_such_job(house: House, verb: str, given: str) -> None:
    """A job that does not exist is bad usage; the mend is to list those that do."""
    said = house.run(verb, given)
    assert said.status == 2
    assert "no job" in said.line
    assert "`proofhook jobs`" in said.line
    assert "\x1b" not in said.err


def test_work_that_failed(house: House) -> None:
    """An error of ours that is not the user's is status 1 and its own sentence."""

    async def busy(_self: Ledger, **_wanted: object) -> None:
        raise LedgerBusy("the database does\nnot answer")

    house.patch.setattr(Ledger, "jobs", busy)
    said = house.run("jobs")
    assert (said.status, said.line) == (1, "proofhook: the database does not answer")


def test_a_defect_is_one_line(house: House) -> None:
    """Any other exception is named by its type alone, as its text may hold a secret; PROOFHOOK_DEBUG=1 shows all."""

    async def broken(_self: Ledger, **_wanted: object) -> None:
        raise ZeroDivisionError("key-123")

    house.patch.setattr(Ledger, "jobs", broken)
    said = house.run("jobs")
    assert (said.status, said.out) == (1, "")
    assert said.line == "proofhook failed: ZeroDivisionError; run with PROOFHOOK_DEBUG=1 to see where"
    house.patch.setenv("PROOFHOOK_DEBUG", "1")
    said = house.run("jobs")
    assert said.status == 1
    assert "Traceback" in said.err
    assert "key-123" in said.err


def test_interrupted(house: House) -> None:
    """Ctrl-C is status 130 and no traceback."""

    async def interrupted(_self: Ledger, **_wanted: object) -> None:
        raise KeyboardInterrupt

    house.patch.setattr(Ledger, "jobs", interrupted)
    said = house.run("jobs")
    assert said.status == 130
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [["--help"], ["settings"], ["settings", "--json"], ["sandbox", "--list-faults"]])
def test_broken_pipe(house: House, arguments: list[str]) -> None:
    """A reader that has gone, as `head` does, ends the command without a word."""
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "submitter.cli", *arguments]
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")
