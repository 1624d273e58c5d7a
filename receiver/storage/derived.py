"""What is made of an object and stands beside it in the folder: `<root>/.derived/<first two digits>/<sha256>`.

Nothing of it is evidence. It is never synced to the disk: what a crash of the machine leaves of it is made anew.
"""

import contextlib
from pathlib import Path
from uuid import uuid4

from receiver.storage.partial import PARTIAL, place, taking

DERIVED = ".derived"


def write(root: Path, sha256: str, data: bytes) -> None:
    """Whole, or not at all while the machine stays up. Raises StorageFull."""
    target, fresh = place(root / DERIVED, sha256), root / PARTIAL / uuid4().hex
    with taking():
        try:
            fresh.write_bytes(data)
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)


def read(root: Path, sha256: str) -> bytes | None:
    """None where there is none."""
    with contextlib.suppress(FileNotFoundError):
        return place(root / DERIVED, sha256).read_bytes()
    return None


def remove(root: Path, sha256: str) -> None:
    place(root / DERIVED, sha256).unlink(missing_ok=True)
