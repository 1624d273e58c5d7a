import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from receiver.settings import Settings
from submitter.sandbox.faults import FAULTS
from tests.submitter.cli.stage import KEYS, House


def rows(house: House) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in house.run("settings", "--json").json}


def test_settings_names_every_one(house: House) -> None:
    """Every setting and every spending key, with its source."""
    house.patch.setenv("JOB_DEADLINE", "60")
    (house.folder / ".env").write_text("LOG_LEVEL=error\nVTRIX_API_KEY=secret-in-a-file\n")
    found = rows(house)
    assert set(found) >= {name.upper() for name in Settings.model_fields} | set(KEYS)
    assert found["JOB_DEADLINE"] == {"name": "JOB_DEADLINE", "value": "60", "source": "environment"}
    assert (found["LOG_LEVEL"]["value"], found["LOG_LEVEL"]["source"]) == ("error", ".env")
    assert found["PORT"]["source"] == "default"
    assert found["FAL_KEY"] == {"name": "FAL_KEY", "value": "", "source": "not set"}
    assert found["VTRIX_API_KEY"]["source"] == ".env"


def test_settings_never_show_a_secret(house: House) -> None:
    """Keys, tokens and passwords are masked, in the table and in JSON."""
    house.patch.setenv("PROOFHOOK_SECRET", "our-own-secret-0123456789")
    house.patch.setenv("ADMIN_TOKEN", "admin-secret-0123456789")
    house.patch.setenv("FAL_KEY", "spending-secret")
    house.patch.setenv("FAL_URL", "http://me:proxy-secret@127.0.0.1:1/fal")
    house.patch.setenv("DATABASE_URL", "postgresql://me:database-secret@db.example/proofhook")
    for arguments in (["settings"], ["settings", "--json"]):
        said = house.run(*arguments)
        assert said.status == 0
        assert "secret" not in (said.out + said.err).replace("PROOFHOOK_SECRET", "")
        assert "me:********@db.example" in said.out
        assert "FAL_KEY" in said.out


def test_migrate(house: House) -> None:
    """The schema is made, and a second run finds nothing to do."""
    first = house.run("migrate", "--json")
    assert (first.status, first.json["before"]) == (0, None)
    said = house.run("migrate")
    assert (said.status, said.out) == (0, f"the schema is {first.json['after']} already\n")


def test_migrate_tells_the_change(house: House) -> None:
    """A schema that was made is said to be new."""
    assert house.run("migrate").out.endswith("now (before: none)\n")


def test_migrate_without_a_database(house: House) -> None:
    """A database that cannot be opened is a matter of configuration, named in one line."""
    (house.folder / "proofhook.db").write_text("this is no database, and long enough to be sure of that")
    said = house.run("migrate")
    assert said.status == 2
    assert "DATABASE_URL" in said.line


def test_list_faults(house: House) -> None:
    """Every fault with its meaning."""
    said = house.run("sandbox", "--list-faults")
    assert said.status == 0
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == list(FAULTS)


def test_a_port_in_use(house: House) -> None:
    """A port that is taken is bad usage, before anything is printed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = house.run("sandbox", "--port", str(port))
    assert (said.status, said.out) == (2, "")
    assert "--port" in said.line
    assert str(port) in said.line


def test_a_host_that_is_not_ours(house: House) -> None:
    """An address that this machine does not have is bad usage."""
    said = house.run("sandbox", "--port", "0", "--host", "192.0.2.1")
    assert said.status == 2
    assert "--host" in said.line


@contextmanager
def running(*arguments: str) -> "Iterator[tuple[subprocess.Popen[str], dict[str, str]]]":
    """A sandbox of its own process, and what it told us to export."""
    command = [sys.executable, "-m", "submitter.cli", "sandbox", "--port=0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = process.stderr.readline()
        assert "until Ctrl-C" in told
        lines = [process.stdout.readline() for _ in range(10)]
        yield process, dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sandbox_ends_well(house: House, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it with status 0; the addresses that it printed were its own, its access log is off."""
    with running("--fault", "lost=1", "--time-scale", "0.1") as (process, told):
        keys = httpx.get(told["FAL_JWKS_URL"], trust_env=False)
        assert keys.status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert set(told) == {
        "IMAGE_HOSTS", "FAL_JWKS_URL", "FAL_URL", "FIREWORKS_URL", "RUNWARE_URL", "VTRIX_URL", *KEYS
    }  # fmt: skip
    assert told["FAL_URL"] == f"http://{told['IMAGE_HOSTS']}/fal"


def test_what_the_sandbox_prints_is_enough(house: House) -> None:
    """With the printed lines in the environment a job can be sent."""
    with running() as (_, told):
        for name, value in told.items():
            house.patch.setenv(name, value)
        assert house.run("submit", "vtrix", "--prompt", "a donut").status == 0
