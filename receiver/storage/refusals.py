"""What an object store says against us, as errors of ours. Its own words are not repeated: they may hold anything."""

import contextlib
import re
from collections.abc import Iterator

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from receiver.errors import StorageFull, TryLater
from receiver.storage.protocol import missing

TROUBLE = (BaseError, OSError, ValueError)
"""All that obstore raises; FileNotFoundError (an OSError) for what is not there, ValueError for its own settings."""

_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,40})</Code>")
_STATUS = re.compile(r"status code: ([0-9]{3})")
_NO_BUCKET = "NoSuchBucket"


@contextlib.contextmanager
def taking(store: str = "the object store (STORAGE_URL)") -> Iterator[None]:
    """Whatever is said against taking bytes is StorageFull: the sender keeps them, and sends them again."""
    try:
        yield
    except TROUBLE as error:
        raise StorageFull(f"{store} takes no bytes: {why(error)}") from None


@contextlib.contextmanager
def giving(sha256: str) -> Iterator[None]:
    """An object that is not there is Permanent; a bucket that is not, and all other trouble, is TryLater."""
    try:
        yield
    except TROUBLE as error:
        if absent(error):
            raise missing(sha256) from None
        raise TryLater(f"the object store (STORAGE_URL) gives no bytes: {why(error)}") from None


def absent(error: Exception) -> bool:
    """Whether it is the object that is missing. A HEAD has no body to tell an object from a bucket: see `sure`."""
    return isinstance(error, FileNotFoundError) and _code(error) != _NO_BUCKET


def sure(error: Exception) -> bool:
    """Whether the store has said in words what is missing."""
    return _code(error) is not None


def unknown_to_it(error: Exception) -> bool:
    """Whether the store does not know conditional requests (501, RFC 9110 §15.6.2)."""
    return _status(error) == "501" or _code(error) == "NotImplemented"


def why(error: Exception) -> str:
    """The reason in our words, with the store's own code for it (a name such as SlowDown) where it gave one."""
    text, code = str(error), _code(error)
    if code == _NO_BUCKET:
        return "there is no such bucket"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return f"it refuses our credentials ({code or 'denied'}); look at AWS_ACCESS_KEY_ID and its policy"
    if status := _status(error):
        return f"it answered {status}" + (f" ({code})" if code else "")
    if "credential" in text.lower():
        return "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if "timed out" in text or isinstance(error, TimeoutError):
        return "it does not answer in time"
    return f"it cannot be reached ({type(error).__name__})"


def _code(error: Exception) -> str | None:
    found = _CODE.search(str(error))
    return found[1] if found else None


def _status(error: Exception) -> str | None:
    found = _STATUS.search(str(error))
    return found[1] if found else None
