"""The whole check, and its command line."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from receiver.audit.stranger.archive import MANIFEST, read
from receiver.audit.stranger.contents import check_contents, read_entry
from receiver.audit.stranger.findings import Bad, NotABundle, Report, lines, shown
from receiver.audit.stranger.notes import canonical, chain, read_note, sha256
from receiver.audit.stranger.stamps import STAMP, check_stamp

GOOD, NO_BUNDLE, WRONG = 0, 2, 3
SIGNED, CHECKPOINT, SIGNERS = "manifest.note", "checkpoint.note", "signers.json"
TITLE = "proofhook bundle 1"


def check(files: Mapping[str, bytes], pinned: str | None = None, report: Report | None = None) -> Report:
    """Everything that can be checked with the bundle alone. `pinned` is the key to trust; else its own first one."""
    report = report or Report()
    keys: dict[tuple[str, bytes], bytes] = {}
    with report.naming("untrusted", SIGNERS):
        keys = chain(json.loads(files[SIGNERS]), pinned, report)
    with report.naming("forged", SIGNED):
        text = read_note(files[SIGNED], keys, most=1)
        if text != f"{TITLE}\n{sha256(files[MANIFEST])}\n":
            raise Bad(f"it is signed for another {MANIFEST}")
    manifest: dict[str, Any] = {}
    with report.naming("changed", MANIFEST):
        manifest = dict(json.loads(files[MANIFEST]))
        _listed(manifest["files"], files, report)
    size, root = 0, b""
    with report.naming("forged", CHECKPOINT):
        origin, count, total = read_note(files[CHECKPOINT], keys).split("\n")[:3]
        if origin not in {name for name, _ in keys}:
            raise Bad(f"it is of the trail {origin}")
        size, root = int(count), canonical(total)
        report.checked["checkpoints"] += 1
    with report.naming("forged", STAMP):
        if STAMP in files:
            check_stamp(files[STAMP], files[CHECKPOINT], report)
    places = sorted({name.rsplit("/", 1)[0] for name in files if name.startswith("trail/")})
    entries = [each for place in places if (each := read_entry(place, files, size, root, report))]
    with report.naming("changed", MANIFEST):
        check_contents(entries, manifest, files, report)
    return report


def _listed(listed: Mapping[str, Any], files: Mapping[str, bytes], report: Report) -> None:
    """Every file is in the manifest with its hash, and nothing else is there; of its own two the note speaks."""
    for name in sorted({*listed, *files} - {MANIFEST, SIGNED}):
        report.checked["files"] += 1
        if name not in files:
            report.findings.append(("removed", name, "the manifest lists it, and it is not there"))
        elif name not in listed:
            report.findings.append(("inserted", name, "the manifest does not list it"))
        elif listed[name] != {"bytes": len(files[name]), "sha256": sha256(files[name])}:
            report.findings.append(("changed", name, "it has not the bytes that the manifest lists"))


def main(arguments: Sequence[str]) -> int:
    """The command line of verify.py."""
    parser = argparse.ArgumentParser(description="Check a bundle of evidence.")
    parser.add_argument("path", nargs="?", type=Path, default=Path(__file__).resolve().parent, help="the zip or folder")
    parser.add_argument("--key", metavar="VKEY", help="the signing key to trust, as you were given it elsewhere")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    given = parser.parse_args(arguments)
    report = Report()
    try:
        check(read(given.path, report), given.key, report)
    except (NotABundle, OSError) as error:
        sys.stderr.write(f"{given.path}: {error}\n".encode("ascii", "backslashreplace").decode())
        return NO_BUNDLE
    text = json.dumps(report.shape(), indent=2) if given.json else "\n".join(map(shown, lines(report)))
    sys.stdout.write(f"{text}\n".encode("ascii", "backslashreplace").decode())
    return WRONG if report.findings else GOOD


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
