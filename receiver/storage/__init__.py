"""Where bytes are kept: one seam, one URL. `open_storage(settings.storage_url)` is the way in."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from receiver.errors import Misconfigured
from receiver.storage.folder import Folder
from receiver.storage.memory import Memory
from receiver.storage.protocol import BATCH, Storage, Stored, Writer
from receiver.storage.slots import slot

__all__ = ["BATCH", "Folder", "Memory", "Storage", "Stored", "Writer", "open_storage", "slot"]


def open_storage(url: str, account: Mapping[str, str] | None = None) -> Storage:
    """The storage that STORAGE_URL names: `file:./images`, `s3://bucket/prefix`, or `memory:` (each call a new one).

    `account` are the standard AWS_… variables that were set. Raises Misconfigured, which never repeats the URL: it
    may hold a password.
    """
    scheme, colon, rest = url.partition(":")
    match scheme.lower() if colon else "":
        case "file":
            return Folder(_folder(rest))
        case "memory" if not rest:
            return Memory()
        case "s3":
            return _objects(url, account or {})
        case _:
            raise Misconfigured("STORAGE_URL: write file:./images, file:///absolute/folder, s3://bucket or memory:")


def _objects(url: str, account: Mapping[str, str]) -> Storage:
    """Imported only here: whoever stores in a folder need not have, or load, the client."""
    try:
        from receiver.storage.objects import open_objects  # noqa: PLC0415  see above
    except ImportError as error:
        raise Misconfigured("STORAGE_URL: install the client of object stores: pip install 'proofhook[s3]'") from error
    return open_objects(url, account)


def _folder(rest: str) -> Path:
    """The path in a file URL (RFC 8089), which may also be relative to the working directory."""
    path = unquote(rest.removeprefix("//localhost") if rest.startswith("//localhost/") else rest)
    if path.startswith("///"):
        path = path[2:]
    if not path or path.startswith("//") or "\0" in path:
        raise Misconfigured("STORAGE_URL: name a folder of this machine, as file:./images or file:///absolute/folder")
    return Path(path)
