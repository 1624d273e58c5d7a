"""The zip archive of a bundle: there is one way to write it, so that not one byte of it can change unseen."""

import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from receiver.audit.stranger.findings import NotABundle, Report

LARGEST = 1 << 30
"""Bytes of a bundle. Nothing in it is compressed, so that it cannot grow when it is read."""
MANIFEST = "manifest.json"
NAME = re.compile(r"(?=.{1,200}\Z)(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
"""Of a file: nothing that leads out of a folder, or is hidden in it."""
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
"""Headers of a file, of its line in the directory, and of the end: APPNOTE.TXT §4.3.7, §4.3.12, §4.3.16."""


def pack(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """The one archive of these files: sorted, stored as they are, all of 1980-01-01. The same files, the same bytes."""
    at, central = 0, []
    for name, data in sorted(files.items()):
        raw, size = name.encode("ascii"), len(data)
        facts = (10, 0, 0, 0, 33, binascii.crc32(data), size, size, len(raw), 0)
        yield _LOCAL.pack(b"PK\3\4", *facts) + raw
        yield data
        central.append(_CENTRAL.pack(b"PK\1\2", 0x30A, *facts, 0, 0, 0, 0o100644 << 16, at) + raw)
        at += _LOCAL.size + len(raw) + size
    directory = b"".join(central)
    yield directory + _END.pack(b"PK\5\6", 0, 0, len(central), len(central), len(directory), at, 0)


def unpack(data: bytes, report: Report) -> dict[str, bytes]:
    """The files of an archive that `pack` made; one byte that it would not write is a finding. Raises NotABundle."""
    files: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == b"PK\3\4" and len(data) - at >= _LOCAL.size:
        *_, size, length, extra = _LOCAL.unpack_from(data, at)
        start = at + _LOCAL.size + length + extra
        name, at = data[at + _LOCAL.size : start - extra].decode("latin-1"), start + size
        if not NAME.fullmatch(name):
            raise NotABundle(f"it holds a file by the name of {name!r:.80}, which no bundle does")
        files[name] = data[start:at]
    if MANIFEST not in files:
        raise NotABundle(f"it is no archive with a {MANIFEST}")
    at = 0
    for piece in pack(files):
        if data[at : at + len(piece)] != piece:
            report.findings.append(("damaged", "the zip archive", f"not as it was written, at or behind byte {at}"))
            return files
        at += len(piece)
    if at != len(data):
        report.findings.append(("inserted", "the zip archive", f"it goes on for {len(data) - at} bytes behind its end"))
    return files


def read(path: Path, report: Report) -> dict[str, bytes]:
    """The files of a bundle, or of a folder that one was unpacked to. Raises NotABundle, OSError."""
    if not path.is_dir():
        if path.stat().st_size > LARGEST or not path.is_file():
            raise NotABundle(f"it is larger than {LARGEST} bytes, or no file")
        return unpack(path.read_bytes(), report)
    if not (path / MANIFEST).is_file():
        raise NotABundle(f"it is no folder with a {MANIFEST}")
    found = [each for each in sorted(path.rglob("*")) if each.is_file() or each.is_symlink()]
    if sum(each.lstat().st_size for each in found) > LARGEST:
        raise NotABundle(f"it is larger than {LARGEST} bytes")
    links = {each for each in found if each.is_symlink()}
    report.findings.extend(("inserted", str(each.relative_to(path)), "a bundle holds no links") for each in links)
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in found if each not in links}
