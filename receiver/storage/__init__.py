"""Where bytes are kept: one seam, one URL. `open_storage(settings.storage_url)` is the way in."""

from collections.abc import Mapping

from receiver.errors import Misconfigured
from receiver.storage.addresses import MIRROR, STORAGE, apart, folder_of
from receiver.storage.folder import Folder
from receiver.storage.memory import Memory
from receiver.storage.once import Held, Once
from receiver.storage.once_folder import OnceFolder
from receiver.storage.protocol import BATCH, Storage, Stored, Writer
from receiver.storage.slots import slot

__all__ = [
    "BATCH", "Folder", "Held", "Memory", "Once", "Storage", "Stored", "Writer", "apart", "open_once", "open_storage",
    "slot",
]  # fmt: skip


def open_storage(url: str, account: Mapping[str, str] | None = None) -> Storage:
    """The storage that STORAGE_URL names: `file:./images`, `s3://bucket/prefix`, or `memory:` (each call a new one).

    `account` are the standard AWS_… variables that were set. Raises Misconfigured, which never repeats the URL: it
    may hold a password.
    """
    scheme, colon, rest = url.partition(":")
    match scheme.lower() if colon else "":
        case "file":
            return Folder(folder_of(rest))
        case "memory" if not rest:
            return Memory()
        case "s3":
            return _objects(url, account or {})
        case _:
            raise Misconfigured("STORAGE_URL: write file:./images, file:///absolute/folder, s3://bucket or memory:")


def open_once(url: str, account: Mapping[str, str], *, makes: bool) -> Once:
    """What CHECKPOINT_MIRROR_URL names: `file:/folder` or `s3://bucket/prefix`.

    `makes` a folder that is not there, when it is first used. Raises Misconfigured.
    """
    if url.lower().startswith("file:"):
        return OnceFolder(folder_of(url.partition(":")[2], MIRROR), makes=makes)
    try:
        from receiver.storage.once_bucket import open_once_bucket  # noqa: PLC0415  see `_objects`

        return open_once_bucket(url, account)
    except ImportError as error:
        raise _no_client(MIRROR) from error
    except Misconfigured as error:
        raise Misconfigured(str(error).replace(STORAGE, MIRROR)) from error


def _objects(url: str, account: Mapping[str, str]) -> Storage:
    """Imported only here: whoever stores in a folder need not have, or load, the client."""
    try:
        from receiver.storage.objects import open_objects  # noqa: PLC0415  see above
    except ImportError as error:
        raise _no_client(STORAGE) from error
    return open_objects(url, account)


def _no_client(setting: str) -> Misconfigured:
    return Misconfigured(f"{setting}: install the client of object stores: pip install 'proofhook[s3]'")
