"""The supervisor with other commands in the place of its parts: who is killed, who is started again, and when."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.settings import Settings
from submitter.cli import supervisor
from submitter.cli.serve import Part
from submitter.cli.supervisor import Member, Supervisor
from tests.submitter.desk import arrange
from tests.submitter.processes import free_port

STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
WAITING = "import sys; print(flush=True); sys.stdin.read()"


class Staged(Supervisor):
    """A supervisor whose parts are other commands; keeps every process that it started."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, list(Part), [])
        self.commands = dict.fromkeys(Part, WAITING)
        self.started: list[Member] = []

    def _start(self, part: Part) -> Member:
        command = [sys.executable, "-c", self.commands[part]]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        member = Member(part, process, time.monotonic())
        self.started.append(Member(part, process, member.began))
        return member

    def up(self) -> None:
        """Start the parts, and come back when each has said its first line, or has ended."""
        self.members = [self._start(part) for part in Part]
        for member in self.members:
            assert member.process.stdout is not None
            member.process.stdout.readline()

    def member(self, part: Part) -> Member:
        return next(member for member in self.members if member.part is part)

    def starts(self, part: Part) -> int:
        return sum(one.part is part for one in self.started)


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staged]:
    """Signals' handlers are put back afterwards, and no process is left."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = Staged(arrange(monkeypatch, tmp_path, port=free_port(), host="127.0.0.1"))
    yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for member in made.started:
        member.process.kill()
        member.process.wait()
        for stream in (member.process.stdin, member.process.stdout):
            if stream is not None:
                stream.close()


def test_stubborn_parts_share_one_grace(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that do not stop are killed after one grace for all of them: platforms wait for ten seconds only."""
    monkeypatch.setattr(supervisor, "GRACE", 0.5)
    staged.commands = dict.fromkeys(Part, STUBBORN)
    staged.up()
    began = time.monotonic()
    staged._end()

    assert time.monotonic() - began < 1
    assert [member.process.returncode for member in staged.members] == [-signal.SIGKILL] * 3


def test_told_twice_nobody_is_waited_for(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal kills what is left, at once; one that comes with the first is the first."""
    monkeypatch.setattr(supervisor, "AGAIN", 0.05)
    staged.commands = dict.fromkeys(Part, STUBBORN)
    staged.up()
    staged._told(signal.SIGTERM)
    staged._told(signal.SIGTERM)
    assert staged._told_again == 0
    staged._told_at = time.monotonic() - 1
    staged._told(signal.SIGINT)
    began = time.monotonic()
    staged._end()

    assert time.monotonic() - began < 1
    assert staged._told_again == 128 + signal.SIGINT


def test_a_part_that_cannot_live_is_started_now_and_then(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that ends at once is not started in a tight loop, and nobody waits for it meanwhile."""
    staged.commands[Part.WORKER] = ""
    staged.up()
    worker = staged.member(Part.WORKER)
    worker.process.wait()
    monkeypatch.setattr(supervisor, "SHORT_LIFE", 1000)
    assert [staged._alive(worker) for _ in range(5)] == [True] * 5
    assert staged.starts(Part.WORKER) == 1

    monkeypatch.setattr(supervisor, "SHORT_LIFE", 0)
    assert staged._alive(worker)
    assert staged.starts(Part.WORKER) == 2


def test_a_misconfigured_part_ends_all(staged: Staged) -> None:
    """Exit status 2 is not mended by starting again: everything stops, with status 2."""
    staged.commands[Part.WEB] = "raise SystemExit(2)"

    assert staged.run() == 2
    assert [member.part for member in staged.started] == list(Part)
    assert all(member.process.returncode is not None for member in staged.members)


def test_what_has_worked_is_not_misconfigured(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that lived, and cannot start again while the database is away, is tried on and on."""
    staged.up()
    worker = staged.member(Part.WORKER)
    monkeypatch.setattr(supervisor, "SHORT_LIFE", 0)
    assert staged._alive(worker)
    staged.commands[Part.WORKER] = "raise SystemExit(2)"
    worker.process.kill()
    worker.process.wait()
    assert staged._alive(worker)
    worker.process.wait()
    assert staged._alive(worker)
    assert staged.starts(Part.WORKER) == 3
