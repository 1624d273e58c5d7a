"""Where crash tests happen: a database, a folder, and real processes of `proofhook serve` that may be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from receiver.settings import Settings
from submitter.cli.supervisor import MARK
from tests.submitter.processes import ROOT, eventually, free_port
from tests.whole.stage import KEYS

SECRET = "the only key of our own in here"
SHORT = (
    "receiver.worker:LEASE=1s",
    "receiver.ledger.tasks:LEASE=1s",
    "receiver.ledger.duties:LEASE=1s",
    "receiver.ledger.jobs:QUESTION_LEASE=1s",
)
"""What a dead process held comes back after a second, so that a test need not wait for half a minute."""


@dataclass(slots=True)
class Process:
    """A process of `serve` on a port of its own; it ends with us, as our end of its stdin closes."""

    name: str
    port: int
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def tell(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def ends(self, seconds: float = 10) -> int:
        """Its exit status."""
        return eventually(self.popen.poll, f"{self.name} ends", seconds)

    def said(self) -> str:
        return self.log.read_text()


@dataclass(slots=True)
class Plant:
    """`elsewhere` is the origin of providers and image host; `extra` are more settings by variable.

    `alone` parts do not know that they have been started by another process: as on a platform.
    """

    folder: Path
    database_url: str
    elsewhere: str = "http://127.0.0.1:9"
    extra: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    started: int = 0
    running: list[Process] = field(default_factory=list)

    def settings(self) -> Settings:
        given: dict[str, Any] = {name.lower(): value for name, value in self._ours(9).items() if name not in KEYS}
        return Settings(_env_file=None, **given)

    def start(self, *only: str, wraps: Sequence[str] = (), port: int | None = None) -> Process:
        """`serve`, or one part of it, with something changed in it (see wrapped.py)."""
        port = port or free_port()
        self._bury()
        self.started += 1
        name = f"{'-'.join(only) or 'all'}-{self.started}"
        log = self.folder / f"{name}.log"
        leases = [] if only == ("web",) else SHORT  # a web process has none, and need not load what has them
        command = ["-m", "tests.crash.wrapped", *leases, *wraps, "--", "serve", *(f"--only={part}" for part in only)]
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, *command], cwd=self.folder, env=self.environment(port, *only), stdin=subprocess.PIPE,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        process = Process(name, port, popen, log)
        self.running.append(process)
        return process

    def stop(self) -> None:
        """Whatever is left of it."""
        for process in self.running:
            with suppress(ProcessLookupError):
                if process.popen.poll() is None:
                    process.kill()
        self._bury()

    def _bury(self) -> None:
        """Let go of what has died."""
        for process in [each for each in self.running if each.popen.poll() is not None]:
            if process.popen.stdin is not None:
                process.popen.stdin.close()
            self.running.remove(process)

    def environment(self, port: int, *only: str) -> dict[str, str]:
        """Nothing of this machine's own settings, and all of the plant's."""
        ours = {name.upper() for name in Settings.model_fields}
        plain = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("COV")}
        part = {MARK: only[0]} if only and not self.alone else {}
        return plain | self._ours(port) | part | {"PYTHONPATH": str(ROOT)}

    def _ours(self, port: int) -> dict[str, str]:
        places = {"DATABASE_URL": self.database_url, "STORAGE_URL": f"file:{self.folder}/images"}
        ours = {"PORT": str(port), "HOST": "127.0.0.1", "PROOFHOOK_SECRET": SECRET, "ADMIN_TOKEN": "a" * 32}
        apart = {
            "FAL_JWKS_URL": f"{self.elsewhere}/jwks",
            "FIREWORKS_URL": self.elsewhere,
            "IMAGE_HOSTS": self.elsewhere.removeprefix("http://"),
        }
        return ours | places | apart | dict.fromkeys(KEYS, "key") | dict(self.extra)
