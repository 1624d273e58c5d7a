"""Our own secrets on a machine where nobody set any: made once, kept in a 0600 file beside the SQLite database."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.errors import Misconfigured
from receiver.ledger.glance import sqlite_file

NAMES = ("PROOFHOOK_SECRET", "ADMIN_TOKEN")


def key_file(database_url: str) -> Path | None:
    """Where the secrets are kept; None with a database server, whose processes share no disk."""
    file = sqlite_file(database_url)
    return file.with_name(file.name + ".keys") if file else None


def own_keys(database_url: str) -> dict[str, str]:
    """PROOFHOOK_SECRET and ADMIN_TOKEN, made on first use. Raises Misconfigured where they must be set by hand."""
    file = key_file(database_url)
    if file is None:
        raise Misconfigured("PROOFHOOK_SECRET and ADMIN_TOKEN must be set when DATABASE_URL is not SQLite")
    try:
        if not file.exists():
            _make(file)
        lines = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    except (OSError, UnicodeError) as error:
        why = f"{file} cannot be made or read ({type(error).__name__})"
        raise Misconfigured(f"PROOFHOOK_SECRET and ADMIN_TOKEN: {why}; mend that, or set both") from error
    missing = [name for name in NAMES if not lines.get(name)]
    if missing:
        raise Misconfigured(f"{missing[0]} is missing in {file}; add it there or set it in the environment")
    return lines


def fresh_secret() -> str:
    """A new secret of ours: 256 bits, in hex."""
    return secrets.token_hex(32)


def rotate(file: Path) -> None:
    """Put a new PROOFHOOK_SECRET behind those in the key file; all else in it stays as it is.

    Whole or not at all: whenever we die, the file holds every secret that it held. Raises Misconfigured.
    """
    try:
        with _alone(file.parent) as folder:
            lines = file.read_text().splitlines()
            places = [at for at, line in enumerate(lines) if line.startswith(f"{NAMES[0]}=")]
            if not places:
                raise Misconfigured(f"{NAMES[0]} is missing in {file}; add it there or set it in the environment")
            lines[places[-1]] += f",{fresh_secret()}"
            _draft(file, "".join(f"{line}\n" for line in lines)).replace(file)
            os.fsync(folder)
    except (OSError, UnicodeError) as error:
        raise Misconfigured(f"{NAMES[0]}: {file} cannot be written ({type(error).__name__})") from error


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """One rotation at a time; gives the folder's handle."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _draft(file: Path, text: str) -> Path:
    """The text, safely on the disk, in a 0600 file of another name."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")  # in two containers a process id may be the same
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _make(file: Path) -> None:
    """Written whole under another name, then linked: of several first starts at once exactly one wins."""
    file.resolve().parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(file, "".join(f"{name}={fresh_secret()}\n" for name in NAMES))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
