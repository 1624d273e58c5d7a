"""Stored images against the storage: there, of their length and, where asked, byte for byte and as pictures."""

import hashlib
from collections.abc import Collection, Iterable

from receiver.audit.findings import Report
from receiver.check import check
from receiver.errors import ProofhookError, TryLater
from receiver.ledger.names import ref_of
from receiver.ledger.trail_reading import ImageFile
from receiver.storage import Storage
from receiver.wire.images import HEAD, sniff


async def images(
    rows: Iterable[ImageFile],
    storage: Storage,
    report: Report,
    *,
    deep: bool,
    max_pixels: int,
    emptied: Collection[tuple[str, str]] = (),
) -> None:
    """Every image of the rows; `deep` rehashes and decodes each file once. Those `emptied` may be gone: purged."""
    seen: set[str] = set()
    for row in rows:
        where = f"image {row.job_id}/{row.key}"
        try:
            if not await storage.has(row.sha256):
                if ("image", ref_of(row.job_id, row.key)) in emptied:
                    report.looked("images purged")
                    continue
                report.found("missing", where, f"the storage has no {row.sha256}")
            elif (size := await storage.size(row.sha256)) != row.bytes:
                report.found("altered", where, f"its file has {size} bytes, its row says {row.bytes}")
            elif deep and row.sha256 not in seen:
                await _file(row, storage, where, report, max_pixels)
        except ProofhookError as error:
            report.found("unreadable", where, str(error))
        seen.add(row.sha256)
        report.looked("images")


async def _file(row: ImageFile, storage: Storage, where: str, report: Report, max_pixels: int) -> None:
    digest, head = hashlib.sha256(), b""
    async for chunk in storage.read(row.sha256):
        digest.update(chunk)
        head = head or chunk[:HEAD]
    report.looked("files rehashed")
    if digest.hexdigest() != row.sha256:
        report.found("altered", where, f"its bytes are not {row.sha256} any more, but {digest.hexdigest()}")
        return
    if (found := sniff(head)) != row.media_type:
        report.found("changed", where, f"its file is {found}, its row says {row.media_type}")
        return
    try:
        async with storage.local(row.sha256) as path:
            await check(path, row.media_type, max_pixels)
    except TryLater:
        raise
    except ProofhookError as error:
        report.found("altered", where, f"its file is no picture: {error}")
