"""Facts → the files of a bundle, by name: raw bytes, proofs, page, script, and the manifest over all of them."""

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from receiver.audit import note, signing, stranger
from receiver.audit.bundle_facts import NOT_HELD, REDACTED, Facts, Item, Opened
from receiver.audit.bundle_names import file_of, place
from receiver.audit.bundle_page import page
from receiver.audit.notekey import NoteKey, Signer
from receiver.audit.redaction import BODY, PICTURES
from receiver.audit.stranger.archive import MANIFEST
from receiver.audit.stranger.check import CHECKPOINT, SIGNED, SIGNERS, TITLE
from receiver.audit.stranger.stamps import STAMP
from receiver.errors import Misconfigured, Permanent
from receiver.storage import Storage
from receiver.wire.images import sniff

Files = dict[str, bytes]
PARTS = ("findings", "archive", "notes", "contents", "stamps", "check")
"""Of the stranger's script, each behind those that it imports."""
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


def script() -> bytes:
    """verify.py: the files of receiver/audit/stranger as one, without the imports of each other."""
    room = resources.files(stranger)
    sources = [room.joinpath(f"{name}.py").read_text("utf-8") for name in ("__init__", *PARTS)]
    kept = [line for text in sources for line in [*text.splitlines(), "", ""] if not line.startswith("from receiver.")]
    return "\n".join(kept).rstrip().encode() + b"\n"


async def build(facts: Facts, storage: Storage, secrets: Sequence[bytes], tolerance: int) -> Files:
    """Raises Misconfigured where none of the secrets is of a key that signs the trail, BrokenEvidence, TryLater."""
    held = await _pictures(facts, storage)
    files = dict(held.values())
    named = {sha256: name for sha256, (name, _) in held.items()}
    for item in facts.items:
        files |= await _place(item, facts, storage, named)
    trusted = signing.chain(facts.signers)
    by, count = _signer(facts, trusted, secrets)
    rows = [{"vkey": key.vkey, "vouched": key.vouched and key.vouched.decode()} for key in facts.signers[:count]]
    files |= {SIGNERS: _json(rows), CHECKPOINT: facts.note, "verify.py": script()}
    files |= {STAMP: facts.stamp} if facts.stamp else {}
    files["index.html"] = page(facts, named, trusted[0].vkey())
    manifest = _json(
        {
            "bundle": 1,
            "trail": trusted[0].name,
            "jobs": list(facts.jobs),
            "left_out": sorted(facts.gone),
            "tolerance": tolerance,
            "files": {name: {"bytes": len(data), "sha256": _hex(data)} for name, data in files.items()},
        }
    )
    signed = note.sign(f"{TITLE}\n{_hex(manifest)}\n", [by])
    return files | {MANIFEST: manifest, SIGNED: signed}


async def _place(item: Item, facts: Facts, storage: Storage, named: dict[str, str]) -> Files:
    """The entry, its proof, and what it opens; `named` has the files that hold raw bytes so far."""
    files: Files = {f"{place(item)}/entry.json": item.entry}
    opened = {name: _opened(each, file_of(item, name)) for name, each in item.opened.items()}
    files |= {how["file"]: item.opened[name].value[1:] for name, how in opened.items() if how["file"]}
    proof = {"index": item.n, "hashes": [each.hex() for each in item.hashes], "opened": opened}
    left_out = dict(item.left_out)
    if item.kind == "image":
        sha256 = item.plain.get("sha256")
        proof["picture"] = named.get(str(sha256))
        if proof["picture"] is None and sha256:
            left_out["picture"] = REDACTED if PICTURES in facts.gone else NOT_HELD
    if item.kind == "delivery":
        proof["body"], body = await _body(item, facts, storage, named)
        files |= body
        if proof["body"] is None:
            left_out[BODY] = REDACTED if facts.gone & {BODY, PICTURES} else NOT_HELD
    return files | {f"{place(item)}/proof.json": _json(proof | {"left_out": left_out})}


def _opened(each: Opened, file: str) -> dict[str, str | None]:
    kind = each.value[:1].decode()
    return {"salt": each.salt.hex(), "type": kind, "file": None if kind == "-" else file}


async def _body(item: Item, facts: Facts, storage: Storage, named: dict[str, str]) -> tuple[str | None, Files]:
    """A delivery's raw body, once; a picture that was put to us stands among the pictures, or is left out with them."""
    sha256, held = item.text("body_sha256"), facts.bodies.get(item.ref)
    if sha256 is None or held is None:
        return None, {}
    if sha256 in named:
        return named[sha256], {}
    if PICTURES in facts.gone and sha256 in {each.plain.get("sha256") for each in facts.items}:
        return None, {}
    raw = held.raw if held.raw is not None else await _stored(storage, sha256)
    if raw is None or _hex(raw) != sha256:
        return None, {}
    ending = "json" if raw[:1] in {b"{", b"["} else _ENDINGS.get(sniff(raw) or "", "bin")
    named[sha256] = f"{place(item)}/body.{ending}"
    return named[sha256], {named[sha256]: raw}


async def _pictures(facts: Facts, storage: Storage) -> dict[str, tuple[str, bytes]]:
    """SHA-256 → file and bytes of every picture that is to be shown and still held."""
    found: dict[str, tuple[str, bytes]] = {}
    for item in facts.items:
        sha256 = item.plain.get("sha256") if item.kind == "image" else None
        if isinstance(sha256, str) and sha256 not in found and PICTURES not in facts.gone:
            data = await _stored(storage, sha256)
            if data is not None and _hex(data) == sha256:
                ending = _ENDINGS.get(str(item.plain.get("media_type")), "bin")
                found[sha256] = (f"pictures/{sha256}.{ending}", data)
    return found


async def _stored(storage: Storage, sha256: str) -> bytes | None:
    try:
        return await storage.get(sha256)
    except Permanent:
        return None


def _signer(facts: Facts, trusted: Sequence[NoteKey], secrets: Sequence[bytes]) -> tuple[Signer, int]:
    """The key that signed the checkpoint where we hold it, else the newest we do; and how many keys are needed.

    So the same checkpoint gives the same bundle, rotated or not.
    """
    marked = trusted.index(note.verify(facts.note, trusted).keys[0])
    ours = {signer.key: signer for secret in secrets if (signer := signing.signer(secret, trusted[0].name))}
    held = [at for at, key in enumerate(trusted) if key in ours]
    if not held:
        raise Misconfigured("PROOFHOOK_SECRET: none of its keys has signed this trail; give the one that `serve` has")
    at = marked if marked in held else held[-1]
    return ours[trusted[at]], max(at, marked) + 1


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=1, sort_keys=True).encode() + b"\n"


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
