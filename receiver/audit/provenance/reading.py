"""Provenance of stored images, read on demand: in a thread, one file at a time, from bytes that never change."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from receiver.audit.provenance import boxes, credential, xmp
from receiver.audit.provenance.credential import ABSENT, Credential
from receiver.errors import ProofhookError
from receiver.ledger.shapes import moment
from receiver.ledger.views import ImageView
from receiver.storage import Storage

MOST = 64
"""Images of one job that are read; a job has four at most today."""
PATIENCE = 15.0
"""Seconds that a page or a command waits for all of them; the rest is not shown this time."""
KEPT = 512
"""Answers that are remembered, by SHA-256: a page that is looked at again starts no process."""

_READER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="provenance")
_REMEMBERED: OrderedDict[str, "Provenance"] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a file says of its making. `xmp_source_type` is IPTC's DigitalSourceType in its XMP, which nobody signed."""

    credential: Credential
    xmp_source_type: str | None = None

    @property
    def source_type(self) -> str | None:
        """How the picture came to be, as a credential that holds says, else the XMP: an address, mostly IPTC's."""
        signed = self.credential.source_type if self.credential.state == "valid" else None
        return signed or self.xmp_source_type


def read(path: Path, media_type: str) -> Provenance:
    """Whatever the file is: an answer, within seconds and some megabytes. Raises OSError where reading fails."""
    found = boxes.find(path, media_type)
    types = (xmp.source_type(packet) for packet in found.packets)
    source_type = next((each for each in types if each), None)
    return Provenance(credential.read(path, media_type) if found.credential else ABSENT, source_type)


async def of_images(storage: Storage, images: Sequence[ImageView]) -> dict[int, Provenance]:
    """Image number → provenance, of those that are stored and can be read now, within PATIENCE.

    One after the other: S3 has no files, so each is copied to the disk for as long as it is read.
    """
    found: dict[int, Provenance] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            for image in [each for each in images if each.sha256][:MOST]:
                if (each := await _of(storage, str(image.sha256), image.media_type or "")) is not None:
                    found[image.n] = each
    return found


async def _of(storage: Storage, sha256: str, media_type: str) -> Provenance | None:
    try:
        if not await storage.has(sha256):
            return None
        if (known := _REMEMBERED.get(sha256)) is not None:
            return known
        async with storage.local(sha256) as path:
            return await asyncio.get_running_loop().run_in_executor(_READER, _read, sha256, path, media_type)
    except (ProofhookError, OSError):
        return None


def _read(sha256: str, path: Path, media_type: str) -> Provenance:
    """Read and remember, unless it may have been the moment's fault."""
    found = read(path, media_type)
    if found.credential.state != "unreadable":
        _REMEMBERED[sha256] = found
    while len(_REMEMBERED) > KEPT:
        _REMEMBERED.popitem(last=False)
    return found


def as_json(found: Provenance | None) -> dict[str, Any] | None:
    """As `show --json` has it under each image; null where the file cannot be read now."""
    if found is None:
        return None
    said = found.credential
    return {
        "c2pa": said.state,
        "issuer": said.issuer,
        "generator": said.generator,
        "signed_at": moment(said.signed_at),
        "detail": said.detail,
        "digital_source_type": {"c2pa": said.source_type, "xmp": found.xmp_source_type},
    }


def word(source_type: str | None) -> str | None:
    """A source type as people read it: the last part of IPTC's address, anything else whole."""
    return source_type.removeprefix("http://cv.iptc.org/newscodes/digitalsourcetype/") if source_type else None
