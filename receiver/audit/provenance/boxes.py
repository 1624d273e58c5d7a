"""Where image files keep credentials and XMP: a walk over their boxes that reads few bytes and believes no length.

C2PA: Technical Specification 2.2, appendix A.3 (embedding manifests into assets). XMP: Adobe's XMP Specification,
part 3 (storage in files). Looked at is what stands before a JPEG's scan and a GIF's first frame; PNG and WebP whole.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

MOST_XMP = 1 << 20
"""Bytes of XMP that are looked at in one file, packed or unpacked."""
LEAST = 1 << 14
"""Bytes that a packet counts for at least: so no file has many."""
MOST_BOXES = 100_000
"""Boxes that are walked: a PNG of 64 MiB in pieces of 1 KiB has fewer."""
C2PA = bytes.fromhex("63327061 0011 0010 8000 00aa00389b71")
"""The UUID in the first box of a manifest store (C2PA 2.2 §11.1.4.2)."""
_HEAD = 64
_XAP = b"http://ns.adobe.com/xap/1.0/\0"
_KEYWORD = b"XML:com.adobe.xmp\0"
_FILL = 0xFF
_ALONE = {_FILL, 0x01, *range(0xD0, 0xD8)}
_ENDS = {0xD9, 0xDA}
_APP1, _APP11 = 0xE1, 0xEB


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a box of the kind that holds C2PA credentials is there, and the XMP packets, undecoded."""

    credential: bool
    packets: tuple[bytes, ...]


class _Short(Exception):
    """The file ends, or makes no sense from here on."""


@dataclass(frozen=True, slots=True)
class _Box:
    """Either the news that a credential is there, or how to read so many bytes of an XMP packet."""

    packet: Callable[[int], bytes] | None = None


def find(path: Path, media_type: str) -> Found:
    """What the file holds. Damage ends the walk, with what was found so far. Raises OSError where reading fails."""
    credential, packets, room = False, [], MOST_XMP
    with path.open("rb") as file, contextlib.suppress(_Short):
        for box in _WALKS[media_type](file) if media_type in _WALKS else ():
            if box.packet is None:
                credential = True
            elif room > 0:
                packets.append(box.packet(room))
                room -= max(len(packets[-1]), LEAST)
    return Found(credential, tuple(packets))


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise _Short
    return data


def _number(file: BinaryIO, count: int = 4) -> int:
    return int.from_bytes(_take(file, count), "big")


def _jpeg(file: BinaryIO) -> Iterator[_Box]:
    """Segments up to the scan: ITU-T T.81 B.1.1.4; JUMBF in APP11: ISO/IEC 19566-5."""
    _take(file, 2)
    for _ in range(MOST_BOXES):
        if _take(file, 1) != b"\xff":
            raise _Short
        if (marker := _take(file, 1)[0]) in _ENDS:
            return
        if marker in _ALONE:
            file.seek(-(marker == _FILL), 1)
            continue
        end = file.tell() + _number(file, 2)
        head = file.read(min(_HEAD, max(end - file.tell(), 0)))
        if marker == _APP11 and head.startswith(b"JP") and C2PA in head:
            yield _Box()
        elif marker == _APP1 and head.startswith(_XAP):
            file.seek(len(_XAP) - len(head), 1)
            yield _Box(partial(_bare, file, end - file.tell()))
        file.seek(max(end, file.tell()))


def _png(file: BinaryIO) -> Iterator[_Box]:
    """Chunks: PNG 3rd edition §5.3; `caBX` holds credentials, an iTXt of that keyword XMP (§11.3.3.4)."""
    _take(file, 8)
    for _ in range(MOST_BOXES):
        size, kind = _number(file), _take(file, 4)
        end = file.tell() + size + 4
        if kind == b"caBX":
            yield _Box()
        elif kind == b"iTXt" and file.read(min(size, len(_KEYWORD))) == _KEYWORD:
            yield _Box(partial(_international, file, size - len(_KEYWORD)))
        elif kind == b"IEND":
            return
        file.seek(end)


def _bare(file: BinaryIO, size: int, most: int) -> bytes:
    return file.read(min(size, most))


def _international(file: BinaryIO, size: int, most: int) -> bytes:
    """The text of an iTXt chunk behind its keyword: flag, method, language, translated keyword, text."""
    data = file.read(min(size, most))
    packed, rest = data[:1] == b"\1", data[2:].split(b"\0", 2)
    text = rest[-1] if len(rest) == 3 else b""  # noqa: PLR2004
    if not packed:
        return text
    try:
        return zlib.decompressobj().decompress(text, most)
    except zlib.error:
        return b""


def _webp(file: BinaryIO) -> Iterator[_Box]:
    """RIFF chunks: RFC 9649 §2.3 and §2.7."""
    _take(file, 12)
    for _ in range(MOST_BOXES):
        kind, size = _take(file, 4), int.from_bytes(_take(file, 4), "little")
        end = file.tell() + size + size % 2
        if kind == b"C2PA":
            yield _Box()
        elif kind == b"XMP ":
            yield _Box(partial(_bare, file, size))
        file.seek(end)


def _gif(file: BinaryIO) -> Iterator[_Box]:
    """Extensions up to the first frame: GIF89a §26. XMP lies in them bare, with a trailer that skips as blocks do."""
    flags = _take(file, 13)[10]
    file.seek(3 << (flags & 7) + 1 if flags & 0x80 else 0, 1)
    steps = iter(range(MOST_BOXES))
    for _ in steps:
        if _take(file, 1) != b"!":
            return
        if _take(file, 1) == b"\xff":
            name = _take(file, _number(file, 1))
            start = file.tell()
            if name.startswith(b"C2PA_GIF"):
                yield _Box()
            elif name == b"XMP DataXMP":
                yield _Box(lambda most: file.read(most).partition(b"\x01\xff\xfe")[0])
            file.seek(start)
        for _ in steps:
            if not (size := _number(file, 1)):
                break
            file.seek(size, 1)


_WALKS: Mapping[str, Callable[[BinaryIO], Iterator[_Box]]] = MappingProxyType(
    {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif}
)
