"""A bundle in which one byte is altered is found to be, whichever byte of whichever file it is.

What is exhaustive and what is not: of the bundle of one job, which has every kind of entry, each byte of every file of
at most `WHOLE` bytes, once as it lies in a folder and once in the archive, with all that the archive adds. Of larger
files (page, script, manifest) the first and last `ENDS` bytes and every `STRIDE`-th between: each is held by one
SHA-256 over the whole of it. Of the manifest's own signature every bit. Of the bundle of several jobs every `WIDE`-th
byte of each file.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

import pytest

from receiver.audit.stranger.archive import pack, unpack
from receiver.audit.stranger.check import check
from receiver.audit.stranger.findings import NotABundle, Report
from tests.receiver.audit.bundles import Scene, files, flipped, is_found, named, packed, scene

__all__ = ["scene"]

WHOLE, ENDS, STRIDE, WIDE = 4096, 64, 29, 97
END = struct.Struct("<4s4H2LH")
"""The end of an archive's directory (APPNOTE.TXT §4.3.16): the last but two say how long it is and where it begins."""


@pytest.fixture(scope="module")
def bundle(scene: Scene) -> bytes:
    """Of fal's job: a delivery that was believed and one that was refused, a key, an event, a picture, an end."""
    return scene.export(scene.jobs[0]).data


@pytest.fixture(scope="module")
def held(bundle: bytes) -> dict[str, bytes]:
    return files(bundle)


def places(data: bytes) -> Sequence[int]:
    """Where a file is altered."""
    if len(data) <= WHOLE:
        return range(len(data))
    return sorted({*range(ENDS), *range(ENDS, len(data) - ENDS, STRIDE), *range(len(data) - ENDS, len(data))})


def is_seen(data: bytes) -> bool:
    """Whether the look at the archive alone, without any of the signatures in it, says that something is wrong."""
    report = Report()
    try:
        unpack(data, report)
    except NotABundle:
        return True
    return bool(report.findings)


def test_every_byte_of_every_file(held: dict[str, bytes]) -> None:
    """Found, and the file is named; of an altered manifest its signature is."""
    for name, data in held.items():
        wanted = "manifest.note" if name == "manifest.json" else name
        for at in places(data):
            assert wanted in named(check(held | {name: flipped(data, at)})), (name, at)


def test_every_bit_of_the_signature_over_all_of_it(held: dict[str, bytes]) -> None:
    """No other spelling of text, key or base64 is the same note."""
    note = held["manifest.note"]
    for at in range(len(note)):
        for bit in range(8):
            assert "manifest.note" in named(check(held | {"manifest.note": flipped(note, at, 1 << bit)})), (at, bit)


def test_every_byte_of_the_archive(bundle: bytes) -> None:
    """Contents, names, headers, directory and end, as they lie on a disk; the look at the archive alone finds it."""
    assert not is_seen(bundle)
    at, (records, lines) = 0, parts(bundle)
    for part in (*records, b"".join(lines), bundle[-END.size :]):
        for place in places(part):
            assert is_seen(flipped(bundle, at + place)), at + place
        at += len(part)
    assert at == len(bundle)


def test_bytes_all_over_a_bundle_of_several_jobs(scene: Scene) -> None:
    """Uploads, failures and answers as well."""
    several = files(scene.export().data)
    for name, data in several.items():
        for at in range(0, len(data), WIDE):
            assert check(several | {name: flipped(data, at)}).findings, (name, at)


def test_every_file_left_out_emptied_or_named_otherwise(held: dict[str, bytes]) -> None:
    """In a folder, and in an archive that is else as it should be."""
    assert all(held.values())
    for name, data in held.items():
        less = {each: kept for each, kept in held.items() if each != name}
        for changed in (less, held | {name: b""}, less | {f"{name}.x": data}):
            if name != "manifest.json":  # without it nothing is a bundle
                assert check(changed).findings, name
            assert is_found(packed(changed)), name


def test_a_file_added_at_every_place(held: dict[str, bytes]) -> None:
    """Before all others, behind them, in each folder, and in the place of a folder: it is named."""
    folders = {name.rpartition("/")[0] for name in held if "/" in name}
    for name in ("0", "zzz", *(f"{folder}/zzz" for folder in folders), *folders):
        report = check(held | {name: b"more"})
        assert ("inserted", name) in {each[:2] for each in report.findings}, name


def parts(bundle: bytes) -> tuple[list[bytes], list[bytes]]:
    """The files of an archive, each with its header, and the lines of its directory."""
    *_, length, start, _ = END.unpack(bundle[-END.size :])
    lines, rest = list[bytes](), bundle[start : start + length]
    while rest:
        size = 46 + int.from_bytes(rest[28:30], "little")
        lines, rest = [*lines, rest[:size]], rest[size:]
    at = [int.from_bytes(line[42:46], "little") for line in lines] + [start]
    return [bundle[one:next_] for one, next_ in pairwise(at)], lines


def joined(records: Sequence[bytes], lines: Sequence[bytes]) -> bytes:
    """An archive that other tools read, whatever order its files and its directory have."""
    offsets, at = {}, 0
    for record in records:
        offsets[_name(record, 30, 26)] = at
        at += len(record)
    listed = [line[:42] + offsets[_name(line, 46, 28)].to_bytes(4, "little") + line[46:] for line in lines]
    length = sum(map(len, listed))
    return b"".join((*records, *listed, END.pack(b"PK\5\6", 0, 0, len(lines), len(lines), length, at, 0)))


def _name(header: bytes, start: int, at: int) -> bytes:
    return header[start : start + int.from_bytes(header[at : at + 2], "little")]


def spoiled(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    """Archives of the same files, made otherwise: most are good for any tool that unpacks."""
    records, lines = parts(bundle)
    assert joined(records, lines) == bundle
    yield "files in another order", joined([*records[1:], records[0]], lines)
    yield "another order in the directory", joined(records, [*lines[1:], lines[0]])
    yield "both in another order", joined(records[::-1], lines[::-1])
    for at in range(len(records)):
        yield f"file {at} twice", joined([*records[: at + 1], *records[at:]], lines)
        yield f"file {at} twice in the directory", joined(records, [*lines[: at + 1], *lines[at:]])
        yield f"file {at} left out of the directory", joined(records, [*lines[:at], *lines[at + 1 :]])
        yield f"file {at} left out", joined([*records[:at], *records[at + 1 :]], [*lines[:at], *lines[at + 1 :]])
    page = b"".join(islice(pack({"index.html": b"<p>another page</p>"}), 2))
    yield "another page before the page", joined([page, *records], lines)
    yield "another page behind the page", joined([*records, page], lines)
    yield "bytes before the archive", b"x" + bundle
    yield "bytes behind the archive", bundle + b"x"
    yield "a comment", bundle[:-2] + b"\1\0x"
    yield "bytes before the directory", bundle.replace(lines[0], b"x" + lines[0], 1)
    yield "the archive twice", bundle + bundle


def test_another_archive_of_the_same_files(bundle: bytes) -> None:
    """There is one way to write the archive: other orders, doubles, gaps, comments and bytes around it are found."""
    for what, data in spoiled(bundle):
        assert is_found(data), what
