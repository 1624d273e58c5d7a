"""What is in a bundle: sealed entries, the bodies and pictures that they name, and why each delivery was believed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.audit.stranger.findings import Bad, Report
from receiver.audit.stranger.notes import HASH, included, sha256, verify

WHY: Mapping[str | None, str] = {
    None: "it was not believed, or not read",
    "capability": "nothing is signed: that its sender knew the secret URL is all there is",
    "asked": "the answer to a question of ours, over TLS: not signed",
    "hmac-sha256": "verified by us then, with a secret that is not in here",
}
"""Scheme → what belief in a delivery rests on, where no public key can show it again."""
AGAIN = re.compile("(?:^|; )redelivery of ([0-9a-f-]{36})$")
"""In the reason of a delivery that was run once more: the id of the first one."""


@dataclass(frozen=True)
class Entry:
    """A sealed entry that was found in the tree; `opened` has the hidden fields that the bundle shows."""

    kind: str
    ref: str
    plain: dict[str, Any]
    opened: dict[str, bytes]
    proof: dict[str, Any]


def read_entry(place: str, files: Mapping[str, bytes], size: int, root: bytes, report: Report) -> Entry | None:
    """An entry, its place in the tree, and each field that is opened against the hash that was sealed."""
    with report.naming("changed", place):
        data, proof = files[f"{place}/entry.json"], json.loads(files[f"{place}/proof.json"])
        included(data, int(proof["index"]), [bytes.fromhex(each) for each in proof["hashes"]], size, root)
        sealed = json.loads(data)
        hidden, opened = sealed.get("hidden", {}), {}
        for name, how in proof["opened"].items():
            value = b"" if how["file"] is None else files[how["file"]]
            framed = (bytes.fromhex(how["salt"]), name.encode(), how["type"].encode() + value)
            frames = b"".join(len(part).to_bytes(8, "big") + part for part in framed)
            if len(framed[0]) != HASH or sha256(b"proofhook commitment 1\n" + frames) != hidden[name]:
                raise Bad(f"{name} is not what was sealed")
            opened[name] = value
        report.checked["entries"] += 1
        report.checked["opened fields"] += len(opened)
        if closed := sorted({*hidden} - {*opened}):
            why = ", ".join(f"{name} ({proof['left_out'].get(name, 'no reason given')})" for name in closed)
            report.noted.append(f"{sealed['kind']} {sealed['ref']}: left out: {why}")
        return Entry(str(sealed["kind"]), str(sealed["ref"]), dict(sealed.get("plain", {})), opened, proof)
    return None


def check_contents(
    entries: Sequence[Entry], manifest: Mapping[str, Any], files: Mapping[str, bytes], report: Report
) -> None:
    """What the entries say, against the bodies, pictures and keys that are there, and against each other."""
    there = {(each.kind, each.ref) for each in entries}
    if not manifest["jobs"]:
        raise Bad("the bundle is of no job")
    for job in manifest["jobs"]:
        if ("order", job) not in there:
            report.findings.append(("missing", f"order {job}", "the bundle says to be of this job"))
    keys = {each.ref: each.plain.get("public") for each in entries if each.kind == "key"}
    for each in entries:
        with report.naming("changed", f"{each.kind} {each.ref}"):
            if each.kind == "event" and each.plain and ("delivery", each.plain["delivery_id"]) not in there:
                raise Bad(f"it came with the delivery {each.plain['delivery_id']}, which is not here")
            if each.kind == "image":
                _held(each, files, "picture", each.plain.get("sha256"), report)
            if each.kind == "delivery":
                _held(each, files, "body", each.opened.get("body_sha256", b"").decode(), report)
                _delivery(each, keys, _came(each, entries), int(manifest["tolerance"]), report)


def _held(entry: Entry, files: Mapping[str, bytes], what: str, named: str | None, report: Report) -> None:
    """The raw bytes that an entry names by their hash."""
    name = entry.proof.get(what)
    if name is None:
        report.noted.append(f"{entry.kind} {entry.ref}: its {what} is left out")
    elif sha256(files[name]) != named:
        raise Bad(f"{name} has not the hash that was sealed")
    else:
        report.checked["pictures" if what == "picture" else "bodies"] += 1


def _came(entry: Entry, entries: Sequence[Entry]) -> str:
    """When it came; of one that was run once more, when the first one did: its reason names that. Raises Bad."""
    again = AGAIN.search(str(entry.plain.get("reason")))
    if again is None:
        return str(entry.plain["received_at"])
    for each in entries:
        same = each.plain.get("job_id") == entry.plain.get("job_id")
        if (each.kind, each.ref) == ("delivery", again[1]) and same:
            return str(each.plain["received_at"])
    raise Bad(f"it is a redelivery of {again[1]}, which is not here")


def _delivery(entry: Entry, keys: Mapping[str, Any], came_at: str, tolerance: int, report: Report) -> None:
    """Why it was believed: a public key's signature is verified again, of all else it is said what it rests on."""
    plain, where = entry.plain, f"delivery {entry.ref} ({entry.plain.get('verdict')})"
    scheme = plain.get("scheme")
    if scheme != "fal-ed25519":
        report.noted.append(f"{where}: {WHY.get(scheme, f'verified by us then as {scheme}, which is unknown here')}")
    elif not {"headers", "body_sha256"} <= {*entry.opened}:
        report.noted.append(f"{where}: its signature cannot be verified again without its headers and body")
    else:
        if plain["key_fingerprint"] not in keys:
            raise Bad("the key that verified it is not here")
        _fal(entry, bytes.fromhex(keys[plain["key_fingerprint"]]), came_at, tolerance)
        report.checked["provider signatures"] += 1


def _fal(entry: Entry, public: bytes, came_at: str, tolerance: int) -> None:
    """Ed25519 as fal signs: https://docs.fal.ai/model-apis/model-endpoints/webhooks. Raises Bad."""
    if sha256(public) != entry.plain["key_fingerprint"]:
        raise Bad("the key is not the one that verified it")
    lines = [line.partition(b": ") for line in entry.opened["headers"].split(b"\n")[:-1]]
    said: dict[str, list[bytes]] = {}
    for name, _, value in lines:
        said.setdefault(name.decode("latin-1"), []).append(value)
    (request,), (user,), (stamp,), (signature,) = (
        said[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp", "signature")
    )
    message = b"\n".join((request, user, stamp, entry.opened["body_sha256"]))
    verify(public, bytes.fromhex(signature.decode()), message)
    signed_at = _seconds(entry.plain["signed_at"])
    if int(stamp) != signed_at or abs(_seconds(came_at) - signed_at) > tolerance:
        raise Bad("the time that it was signed at is not the one sealed, or too far from when it was received")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
