"""What `audit` knows of a job: as JSON, and as the bundle that a stranger can check."""

import asyncio
import base64
import contextlib
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from receiver.api.asking import NothingAsked, asked
from receiver.api.hatch import Hatch, job_of, said
from receiver.api.models_evidence import Evidence
from receiver.api.problem import HEADERS
from receiver.audit import checkpoint, note, signing
from receiver.audit.bundle import export
from receiver.audit.bundle_facts import Facts, Item, gather
from receiver.audit.merkle import leaf_hash
from receiver.errors import Impossible, TryLater
from receiver.ledger.bundle_reading import read_for_bundle
from receiver.ledger.shapes import purge_json

ZIP = "application/zip"


async def evidence(hatch: Hatch, request: Request) -> Response:
    """Every sealed entry about the job, with its proof. Raises Impossible where something is not sealed yet."""
    asked(request, NothingAsked)
    job = await job_of(hatch, request)
    with _sealed():
        facts = await read_for_bundle(hatch.road.ledger, lambda reading: gather(reading, (job.id,), frozenset()))
    return said(Evidence.model_validate({"id": job.id, "purged": purge_json(job.purged), **_shape(facts)}))


async def bundle(hatch: Hatch, request: Request) -> Response:
    """`audit export` of one job, nothing left out. Raises as `export` does, and Impossible."""
    asked(request, NothingAsked)
    job = await job_of(hatch, request)
    async with hatch.packing:
        with _sealed():
            made = await asyncio.to_thread(_packed, hatch, job.id)
    name = f'attachment; filename="{job.id}.zip"'
    return Response(made, headers=HEADERS | {"Content-Disposition": name}, media_type=ZIP)


def _packed(hatch: Hatch, job_id: str) -> bytes:
    """In a thread with a loop of its own: hashing, checking and packing pictures must not hold callbacks up."""
    road = hatch.road
    return asyncio.run(export(road.ledger, road.storage, road.settings, [job_id])).data


@contextlib.contextmanager
def _sealed() -> Iterator[None]:
    """What is not sealed yet is no fault of ours, and sealed in some seconds; the database's silence is."""
    try:
        yield
    except TryLater as error:
        if type(error) is TryLater:
            raise Impossible(str(error)) from error
        raise


def _shape(facts: Facts) -> dict[str, Any]:
    tree = checkpoint.parse(note.verify(facts.note, signing.chain(facts.signers)))
    times = [line.removeprefix("time ") for line in tree.extensions if line.startswith("time ")]
    return {
        "checkpoint": {
            "origin": tree.origin,
            "size": tree.size,
            "root": tree.root.hex(),
            "at": times[0] if times else None,
            "note": facts.note.decode(),
            "stamp": base64.b64encode(facts.stamp).decode() if facts.stamp else None,
        },
        "signers": [key.vkey for key in facts.signers],
        "entries": [_entry(item) for item in facts.items],
    }


def _entry(item: Item) -> dict[str, Any]:
    return {
        "n": item.n,
        "kind": item.kind,
        "ref": item.ref,
        "sealed_at": item.sealed["sealed_at"],
        "latest": item.latest,
        "entry": item.entry.decode(),
        "leaf_hash": leaf_hash(item.entry).hex(),
        "proof": [each.hex() for each in item.hashes],
        "left_out": item.left_out,
    }
