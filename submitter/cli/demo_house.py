"""The demo's own house: settings that touch nothing of the user's, its processes, and what they had to say."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import stamina
import typer

from receiver import registry
from receiver.errors import Transient
from receiver.settings import Settings, load


def tell(logs: list[Path]) -> None:
    """What the demo's own processes had to say, where something went wrong."""
    for log in logs:
        for line in log.read_text().splitlines()[-20:]:
            typer.echo(f"{log.stem}: {line}", err=True)


def arrange(folder: Path) -> tuple[Settings, int]:
    """A house of its own, and the sandbox's port: no setting and no key of the user's is used."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    os.chdir(folder)
    port, sandbox = _free_ports(2)
    origin = f"http://127.0.0.1:{sandbox}"
    ours = {
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "IMAGE_HOSTS": f"127.0.0.1:{sandbox}",
        "FAL_JWKS_URL": f"{origin}/fal/.well-known/jwks.json",
        "LOG_LEVEL": "error",
    }
    for provider in registry.providers().values():
        ours |= {provider.key_setting: "demo-key", provider.url_setting: f"{origin}/{provider.name}"}
    os.environ.update(ours)
    return load(), sandbox


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in sockets]


@contextmanager
def running(log: Path, *arguments: str) -> Iterator[None]:
    command = [sys.executable, "-m", "submitter.cli", *arguments]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)  # noqa: S603  our own command
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def wait_until_up(settings: Settings, logs: list[Path]) -> None:
    """Raises Transient when receiver or sandbox do not answer in time."""
    try:
        for url in (f"{settings.public}/readyz", settings.fal_jwks_url):
            for attempt in stamina.retry_context(
                on=httpx.HTTPError, attempts=None, timeout=30, wait_initial=0.05, wait_max=0.2
            ):
                with attempt:
                    httpx.get(url, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        tell(logs)
        raise Transient(f"the demo's own servers did not come up ({type(error).__name__})") from None
