"""docs/deploy.md is true: its commands, its unit file, its backup, and the lines of the Procfile."""

import asyncio
import configparser
import re
import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
import uvicorn
import yaml  # type: ignore[import-untyped]  # comes with uvicorn

from receiver.settings import Settings
from submitter.cli import app, parts
from submitter.cli.ending import AGAIN, GRACE
from submitter.cli.supervisor import GRACE as ALL_TOGETHER
from tests.crash.scene import scene
from tests.submitter.processes import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def block(kind: str, holding: str = "") -> str:
    """The one block of code of that kind that holds a word."""
    (found,) = [each for each in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if holding in each]
    return str(found)


def test_every_command_and_option_exists() -> None:
    """Each `proofhook …` of the page and the Procfile is a command, with options and parts that there are."""
    commands: Any = typer.main.get_command(app)
    shown = re.findall(r"proofhook ((?:serve|migrate|settings)[^`\"',}|\n]*)", PAGE) + [
        line.removeprefix("proofhook ") for line in PROCFILE.values()
    ]
    assert len(shown) > 15
    for line in shown:
        name, *words = shlex.split(line.partition(";")[0])
        context = commands.commands[name].make_context(name, words if words[:1] == ["--only"] else [])
        assert context.params is not None


def test_the_procfile_has_each_part_once() -> None:
    """release, web, worker and clock, as platforms call them; `web` first, as that is whose PORT counts."""
    assert list(PROCFILE) == ["release", "web", "worker", "clock"]
    assert PROCFILE["release"] == "proofhook migrate"
    for kind, part in (("web", "web"), ("worker", "worker"), ("clock", "reconcile")):
        assert PROCFILE[kind] == f"proofhook serve --only {part}"
        assert PAGE.count(PROCFILE[kind]) >= 3


def test_the_unit_file_is_one() -> None:
    """It parses, starts what there is, and leaves the time that stopping may take to the supervisor alone."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep capitals
    unit.read_string(block("ini"))
    service = unit["Service"]
    assert service["ExecStart"].endswith("/proofhook serve")
    assert service["ExecStartPre"].endswith("/proofhook migrate")
    assert service["KillMode"] == "mixed"
    assert float(service["TimeoutStopSec"]) > ALL_TOGETHER
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"


def test_render_starts_what_the_procfile_does() -> None:
    """The blueprint is YAML, and its commands are the Procfile's."""
    services = yaml.safe_load(block("yaml"))["services"]
    assert [each["startCommand"] for each in services] == [PROCFILE[name] for name in ("web", "worker", "clock")]
    assert services[0]["preDeployCommand"] == PROCFILE["release"]
    assert services[0]["healthCheckPath"] == "/healthz"


def test_fly_starts_what_the_procfile_does() -> None:
    """The file is TOML, its commands are the Procfile's, and its patience is longer than ours."""
    import tomllib

    fly = tomllib.loads(block("toml"))
    assert fly["processes"] == {name: PROCFILE[name] for name in ("web", "worker", "clock")}
    assert fly["deploy"]["release_command"] == PROCFILE["release"]
    assert fly["kill_timeout"] > ALL_TOGETHER
    assert int(fly["env"]["PORT"]) == fly["http_service"]["internal_port"]
    assert fly["http_service"]["checks"][0]["path"] == "/healthz"
    assert set(fly["env"]) <= {name.upper() for name in Settings.model_fields}


def test_the_times_are_the_codes() -> None:
    """Five seconds for requests, eight for everything, half a second between two signals."""
    assert parts.LAST_REQUESTS == 5
    assert max(GRACE, ALL_TOGETHER) < 8
    assert AGAIN == 0.5
    for words in ("after five seconds", "after eight everything", "half a second"):
        assert words in PAGE.replace("\n", " ").replace("  ", " ")


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX shell")
async def test_the_backup_is_whole(tmp_path: Path) -> None:
    """The command, run while the ledger is open, gives a database that holds what was acknowledged."""
    async with scene(tmp_path, f"sqlite:///{tmp_path}/proofhook.db") as here:
        await here.arrive(await here.traffic.fal())
        command = block("console", "VACUUM").strip().removeprefix("$ ").replace("python3", shlex.quote(sys.executable))
        shell = await asyncio.create_subprocess_shell(command, cwd=tmp_path)
        assert await shell.wait() == 0
        with closing(sqlite3.connect(tmp_path / "backup.db")) as copy:
            assert copy.execute("SELECT count(*) FROM delivery").fetchone() == (1,)
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_uvicorn_is_the_one_that_we_know() -> None:
    """What we change of uvicorn's stopping stands on these three names."""
    for name in ("capture_signals", "shutdown", "should_exit"):
        assert hasattr(uvicorn.Server(uvicorn.Config("x:y")), name)
