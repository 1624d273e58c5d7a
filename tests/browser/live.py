"""The house as it runs on a machine: `serve` and `sandbox` in processes of their own, and the command beside them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from receiver.pages.session import sign_in_link
from receiver.settings import Settings
from tests.submitter.processes import environment, eventually, free_port, serving

ADMIN, VIEWER = "admin token of the live house", "viewer token of the live house"
PROVIDERS = ("fal", "fireworks", "runware", "vtrix")


@dataclass(frozen=True, slots=True)
class Live:
    """`dead` is a job whose only picture is a dead letter, until it is retried."""

    folder: Path
    port: int
    given: dict[str, str]
    dead: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        """Signs in."""
        return sign_in_link(Settings(_env_file=None, **self._settings()), datetime.now(UTC))

    def _settings(self) -> dict[str, Any]:
        return {name.lower(): value for name, value in self.given.items() if name.lower() in Settings.model_fields}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`proofhook …` on this house."""
        command = [sys.executable, "-m", "submitter.cli", *words]
        surroundings = environment(self.folder, self.port) | self.given
        return subprocess.run(
            command, cwd=self.folder, env=surroundings, capture_output=True, text=True, timeout=60, check=False
        )

    def submit(self, provider: str, *words: str) -> str:
        """A job's id."""
        done = self.command("submit", provider, *words, "--json")
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["id"])


@contextmanager
def living(folder: Path) -> Iterator[Live]:
    """The house, up. The sandbox's first download is a web page, and no picture: that is the dead letter."""
    port, sandbox = free_port(), free_port()
    origin = f"http://127.0.0.1:{sandbox}"
    given = {
        "PUBLIC_URL": f"http://127.0.0.1:{port}", "ADMIN_TOKEN": ADMIN, "VIEWER_TOKEN": VIEWER,
        "PROOFHOOK_SECRET": "0123456789abcdef0123456789abcdef", "IMAGE_HOSTS": f"127.0.0.1:{sandbox}",
        "FAL_JWKS_URL": f"{origin}/fal/.well-known/jwks.json", "LOG_LEVEL": "error",
    } | {f"{name.upper()}_URL": f"{origin}/{name}" for name in PROVIDERS}  # fmt: skip
    with _sandbox(folder, sandbox), serving(folder, port=port, **given) as one:
        eventually(one.ready, "readyz answers 200")
        house = Live(folder, port, given, "")
        done = house.command("submit", "runware", "--prompt", "a teapot, at the second try", "--wait", "--json")
        assert done.returncode == 1, done.stdout
        yield Live(folder, port, given, json.loads(done.stdout)["id"])


@contextmanager
def _sandbox(folder: Path, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "submitter.cli", "sandbox", f"--port={port}", "--fault=html_image=1"]
    surroundings = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with (folder / "sandbox.log").open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=surroundings, stdout=out, stderr=out)
    try:
        eventually(lambda: _answers(port), "the sandbox answers")
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_sandbox/jobs", trust_env=False, timeout=5).is_success or None
    except httpx.HTTPError:
        return None
