"""`proofhook serve` in real processes: up, killed, told to stop, and misconfigured."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from submitter.cli.serve import Part, members
from tests.submitter.desk import KEYS
from tests.submitter.processes import Serving, children, eventually, gone, serving

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked at through /proc")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One `serve` for the tests that leave it running."""
    with serving(tmp_path_factory.mktemp("up")) as one:
        eventually(one.ready, "readyz answers 200")
        yield one


def test_serve_comes_up(up: Serving) -> None:
    """All three parts run, and the receiver says that database and storage answer."""
    assert eventually(up.ready, "readyz answers 200")
    assert set(eventually(up.parts, "three parts")) == set(Part)


def test_only_the_reconciler_has_the_keys(up: Serving) -> None:
    """The spending keys stand in the environment of no process that faces the internet or opens its pictures."""
    parts = eventually(up.parts, "three parts")
    held = {part: Path(f"/proc/{pid}/environ").read_bytes() for part, pid in parts.items()}

    assert not any(text.encode() in held[part] for part in (Part.WEB, Part.WORKER) for text in (*KEYS, *KEYS.values()))
    assert all(f"{name}={key}".encode() in held[Part.RECONCILE] for name, key in KEYS.items())


def test_the_worker_steps_back_behind_the_web_process(up: Serving) -> None:
    """It yields the processor to callbacks, and in their session: between sessions priorities count for nothing."""
    parts = eventually(up.parts, "three parts")
    before = os.getpriority(os.PRIO_PROCESS, parts[Part.WEB])
    eventually(lambda: os.getpriority(os.PRIO_PROCESS, parts[Part.WORKER]) > before, "the worker has stepped back")

    assert len({os.getsid(pid) for pid in parts.values()}) == 1
    assert all(os.getpgid(pid) == pid for pid in parts.values())


@pytest.mark.parametrize("part", [Part.WORKER, Part.WEB])
def test_a_killed_part_is_started_again(up: Serving, part: Part) -> None:
    """A part that is killed comes back as another process, and takes no other part with it."""
    before = eventually(up.parts, "three parts")
    os.kill(before[part], signal.SIGKILL)

    def changed() -> dict[Part, int] | None:
        parts = up.parts()
        return parts if parts and parts[part] != before[part] else None

    after = eventually(changed, f"another {part.value}")
    assert {other: pid for other, pid in after.items() if other != part} == {
        other: pid for other, pid in before.items() if other != part
    }
    assert eventually(up.ready, "readyz answers 200")


@pytest.mark.parametrize(("number", "when"), [(signal.SIGTERM, "up"), (signal.SIGINT, "starting")])
def test_told_to_stop_all_end(tmp_path: Path, number: signal.Signals, when: str) -> None:
    """SIGTERM and Ctrl-C end supervisor and parts within seconds, with status 0, however far they are."""
    with serving(tmp_path) as one:
        if when == "up":
            eventually(one.ready, "readyz answers 200")
        parts = eventually(one.parts, "three parts")
        one.process.send_signal(number)

        assert one.process.wait(8) == 0
        assert all(map(gone, parts.values()))


@pytest.mark.parametrize("when", ["starting", "up"])
def test_nobody_outlives_the_supervisor(tmp_path: Path, when: str) -> None:
    """When the supervisor is killed its parts end by themselves, even those that were not up yet."""
    with serving(tmp_path) as one:
        if when == "up":
            eventually(one.ready, "readyz answers 200")
        parts = eventually(one.parts, "three parts")
        one.process.kill()
        one.process.wait()

        eventually(lambda: all(map(gone, parts.values())) or None, "the parts are gone")


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """A port that another process has ends all with status 2 and one line that names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving(tmp_path, port=port) as one:
            assert one.process.wait(20) == 2

            said = [line for line in one.log.read_text().splitlines() if line]
            assert len(said) == 1
            assert f"PORT: cannot listen on 127.0.0.1:{port}" in said[0]


def test_web_processes_share_the_port(tmp_path: Path) -> None:
    """WEB_CONCURRENCY of them answer on one port; one that is killed costs no connection, and none has the keys."""
    with serving(tmp_path, "--only=web", WEB_CONCURRENCY="2") as one:
        eventually(one.ready, "readyz answers 200")
        first = eventually(lambda: two(one), "two web processes")
        held = [Path(f"/proc/{pid}/environ").read_bytes() for pid in first]
        assert not any(text.encode() in each for each in held for text in (*KEYS, *KEYS.values()))
        assert len({_listening(pid) for pid in (*first, one.process.pid)}) == 1
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        answer = httpx.get(f"http://127.0.0.1:{one.port}/healthz", trust_env=False, timeout=20)
        assert answer.status_code == 200
        after = eventually(lambda: two(one), "two web processes again")
        assert not set(after) & set(first)


def two(one: Serving) -> list[int] | None:
    """The web processes, when there are two of them that live."""
    pids = [pid for pid in children(one.process.pid) if not gone(pid)]
    return pids if len(pids) == 2 else None


def _listening(pid: int) -> str:
    """The inode of the socket on which a process listens: the first line of state 0A in /proc/net/tcp that it holds."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A"}
    held = {str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()}
    (found,) = held & listening
    return found


@pytest.mark.parametrize(
    ("only", "web", "parts"),
    [
        (None, 1, [Part.WEB, Part.WORKER, Part.RECONCILE]),
        (None, 3, [Part.WEB, Part.WEB, Part.WEB, Part.WORKER, Part.RECONCILE]),
        (Part.WEB, 2, [Part.WEB, Part.WEB]),
        (Part.WORKER, 4, [Part.WORKER]),
    ],
)
def test_who_is_started(only: Part | None, web: int, parts: list[Part]) -> None:
    """Only the web part is there more than once: one reconciler asks, and a worker does many things at a time."""
    assert members(only, web) == parts
