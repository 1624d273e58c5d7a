"""Keeps the parts of `serve` running, and ends them together.

The exposed processes hold no spending keys: they are taken out of the environment of all but the reconciler. The
listening socket is the supervisor's: web processes share it, and one that dies takes no waiting connection along.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from receiver import registry
from receiver.log import get_logger
from receiver.settings import Settings
from submitter.cli.ending import AGAIN, ASKING, Ending
from submitter.cli.serve import Part

GRACE = 7.5
"""Seconds that the stopping parts have, all together, before they are killed; platforms give ten or more."""
LOOK = 0.1
"""Seconds between two looks at the parts."""
SHORT_LIFE = 2.0
"""Seconds from one start of a part to its next at least, so that one that cannot live does not eat the machine."""
MISCONFIGURED = 2
"""The exit status with which starting again cannot help, unless it had helped before."""
MARK = "PROOFHOOK_PART"

log = get_logger("serve")


@dataclass(slots=True)
class Member:
    """One process of a part; `proved` when it, or one before it in this place, has lived for a while."""

    part: Part
    process: subprocess.Popen[bytes]
    began: float
    proved: bool = False


class Supervisor:
    """Starts each part with the same options; a part that dies is started again."""

    def __init__(self, settings: Settings, parts: Sequence[Part], options: Sequence[str]) -> None:
        """Raises Misconfigured here, once, and not in every process."""
        from receiver.ledger.schema import check_schema

        check_schema(settings.database_url)
        _ = settings.secrets, settings.admin
        self._settings = settings
        self._parts = parts
        self._options = options
        self._listening: socket.socket | None = None
        self._told_at: float | None = None
        self._told_again = 0
        self.members: list[Member] = []

    def run(self) -> int:
        """Until a signal, or a part that cannot work as configured; returns the exit status. Raises Misconfigured."""
        from submitter.cli.parts import listen

        for number in ASKING:
            signal.signal(number, self._told)
        if Part.WEB in self._parts:
            self._listening = listen(self._settings)
        self.members = [self._start(part) for part in self._parts]
        status = 0
        while not status and self._told_at is None:
            time.sleep(LOOK)
            status = next((MISCONFIGURED for member in self.members if not self._alive(member)), 0)
        self._end()
        return self._told_again or status

    def _told(self, number: int, *_: object) -> None:
        """A flag and no threading.Event: a handler that runs in the middle of its `wait` would wait for itself."""
        if self._told_at is None:
            self._told_at = time.monotonic()
        elif time.monotonic() - self._told_at >= AGAIN:
            self._told_again = 128 + number

    def _start(self, part: Part) -> Member:
        from submitter.cli.parts import INHERITED

        command = [sys.executable, "-m", "submitter.cli", "serve", f"--only={part.value}", *self._options]
        hidden = (
            set() if part is Part.RECONCILE else {provider.key_setting for provider in registry.providers().values()}
        )
        environment = {name: value for name, value in os.environ.items() if name not in hidden} | {MARK: part.value}
        handed: list[int] = []
        if part is Part.WEB and self._listening is not None:
            handed = [self._listening.fileno()]
            environment[INHERITED] = str(handed[0])
        # Nobody writes to its stdin: the pipe closes with this process, however it dies, and the part ends too.
        # A group of its own keeps Ctrl-C away from it. No session: between sessions Linux shares a processor out
        # evenly (sched(7), autogroup), and the worker's low priority would count for nothing.
        process = subprocess.Popen(  # noqa: S603  our own command
            command, env=environment, stdin=subprocess.PIPE, process_group=0, pass_fds=handed
        )
        return Member(part, process, time.monotonic())

    def _alive(self, member: Member) -> bool:
        """Start it again where it died. False when that cannot help: it never lived."""
        status = member.process.poll()
        lived = time.monotonic() - member.began >= SHORT_LIFE
        if status is None:
            member.proved = member.proved or lived
            return True
        if status == MISCONFIGURED and not member.proved:
            return False
        if lived:
            log.error("part ended; starting it again", part=member.part.value, status=status)
            again = self._start(member.part)
            member.process, member.began = again.process, again.began
        return True

    def _end(self) -> None:
        """Told through their stdin, and not by a signal: a platform's own signal to all would make it a second one."""
        if self._listening is not None:
            self._listening.close()
        for member in self.members:
            if member.process.stdin is not None:
                member.process.stdin.close()
        deadline = time.monotonic() + GRACE
        while any(member.process.poll() is None for member in self.members):
            if self._told_again or time.monotonic() >= deadline:
                self._kill()
                return
            time.sleep(LOOK / 4)

    def _kill(self) -> None:
        for member in self.members:
            if member.process.poll() is None:
                log.error("part killed: it did not end in time", part=member.part.value)
                with suppress(ProcessLookupError):
                    member.process.kill()
                member.process.wait()


def end_with_supervisor(ending: Ending) -> None:
    """In a part: when the supervisor's end of our stdin closes, that is the word to end."""
    if MARK in os.environ:
        threading.Thread(target=_watch, args=(ending,), daemon=True, name="supervisor-watch").start()


def _watch(ending: Ending) -> None:
    while os.read(0, 1024):
        pass
    ending.begin()
