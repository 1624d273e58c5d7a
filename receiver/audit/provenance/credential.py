"""C2PA credentials of one file, as a confined process reads them (see child.py); never in this one."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from receiver.audit.provenance import child

TIMEOUT = 2 * child.SECONDS
"""Seconds on the clock until the process is ended; it ends itself after half of them on the processor."""
STATES = frozenset({"absent", "present", "valid", "invalid", "unreadable"})
MISSING = "not checked: pip install 'proofhook[c2pa]'"
_NEEDED = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a file's credential says, and whether it holds.

    `absent`: there is none. `present`: there is one, and nothing here can check it. `valid`: the bytes are those that
    were signed, by the certificate of `issuer`; whether that certificate is whose it says, is not checked. `invalid`:
    not so, for the reason `detail` (C2PA 2.2 §15.2); the other facts are claims. `unreadable`: it cannot be made out.
    """

    state: str
    issuer: str | None = None
    generator: str | None = None
    signed_at: datetime | None = None
    source_type: str | None = None
    detail: str | None = None


ABSENT = Credential("absent")


def installed() -> bool:
    """Whether the extra `c2pa` is; asked without importing it."""
    return importlib.util.find_spec("c2pa") is not None


def read(path: Path, media_type: str) -> Credential:
    """The credential of a file that has one. Takes a process and some 0.1 seconds.

    Raises OSError where no process can be started, which says nothing about the file.
    """
    if not installed():
        return Credential("present", detail=MISSING)
    command = [sys.executable, "-I", child.__file__, os.fspath(path.absolute()), media_type]
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    try:
        ended = subprocess.run(  # noqa: S603  our own file; the path is an argument, no shell reads it
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=TIMEOUT, env=environment, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Credential("unreadable", detail=f"not read within {TIMEOUT} s")
    return _said(ended.stdout) or Credential("unreadable", detail=f"its reader ended with status {ended.returncode}")


def _said(output: bytes) -> Credential | None:
    """The process is believed no further than the shape of what it says."""
    try:
        told: Any = json.loads(output)
        facts = {name: _text(told.get(name)) for name in ("issuer", "generator", "source_type", "detail")}
        return Credential(told["state"], signed_at=_moment(told.get("signed_at")), **facts) if _knows(told) else None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


def _knows(told: Any) -> bool:
    return isinstance(told["state"], str) and told["state"] in STATES


def _text(value: object) -> str | None:
    return value[: child.LONGEST] if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    """A time with its zone; what is not one is left out."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at and at.tzinfo else None
