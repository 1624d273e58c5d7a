"""Secrets that `proofhook keys rotate` puts into the key file while we run: taken up when a token asks for them."""

from pathlib import Path

from receiver.errors import Misconfigured
from receiver.keyfile import key_file
from receiver.log import get_logger
from receiver.settings import Settings

Mark = tuple[int, int, int]
"""By which a changed file is told: inode, time of its last change in nanoseconds, length in bytes."""

_log = get_logger(__name__)


class Rotation:
    """The key file of these settings. Where the secrets come from the environment there is none: that needs a restart.

    The file is read only when it is not the one that was read last: a token of junk costs a `stat`, no more.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = None if settings.proofhook_secret else key_file(settings.database_url)
        self._read: Mark | None = None

    def taken_up(self) -> bool:
        """Whether there are more secrets than before; `settings.secrets` has them from now on, newest last.

        A file that cannot be read, or lacks one of those we hold, changes nothing: URLs that are out would die.
        """
        mark = _mark(self._file) if self._file else None
        if mark is None or mark == self._read:
            return False
        self._read = mark
        settings, fresh = self._settings, self._settings.model_copy()
        vars(fresh).pop("secrets", None)  # where a cached property keeps what it found
        try:
            found = fresh.secrets
        except Misconfigured as error:
            _log.warning("secrets.unreadable", reason=str(error))
            return False
        held = settings.secrets
        if found[: len(held)] != held:
            _log.warning(
                "secrets.not_taken_up", reason="the key file lacks a secret that is in use; restart to obey it"
            )
            return False
        vars(settings)["secrets"] = found
        if more := len(found) - len(held):
            _log.info("secrets.taken_up", new=more)
        return bool(more)


def _mark(file: Path) -> Mark | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
