import base64

import httpx

from receiver.audit import checkpoint, note, notekey, proofs
from receiver.audit.merkle import leaf_hash
from receiver.audit.seal import open_sealer
from receiver.audit.stranger.archive import MANIFEST, unpack
from receiver.audit.stranger.check import check
from receiver.audit.stranger.findings import Report
from receiver.road import Road
from tests.receiver.pages.seeding import Clock, Seed


async def sealed(road: Road, clock: Clock) -> None:
    clock.on(seconds=5)
    await open_sealer(road.ledger, road.settings, clock).work(at_once=True)


async def test_every_entry_is_proved(program: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock) -> None:
    """With what is in the answer alone: the note is signed, and each entry's bytes lead to its root."""
    job_id = await seed.delivered()
    await sealed(road, clock)
    told = (await program.get(f"/api/v1/jobs/{job_id}/evidence")).json()
    keys = [notekey.read_vkey(each) for each in told["signers"]]
    tree = checkpoint.parse(note.verify(told["checkpoint"]["note"].encode(), keys))
    assert (tree.size, tree.root.hex()) == (told["checkpoint"]["size"], told["checkpoint"]["root"])
    assert {each["kind"] for each in told["entries"]} >= {"order", "delivery", "event", "image", "end"}
    for each in told["entries"]:
        leaf = leaf_hash(each["entry"].encode())
        assert leaf.hex() == each["leaf_hash"]
        proofs.verify_inclusion(leaf, each["n"], tree.size, [bytes.fromhex(h) for h in each["proof"]], tree.root)
    assert told["purged"] is None
    assert base64.b64decode(told["checkpoint"]["stamp"] or "") == b""


async def test_what_is_not_sealed_yet_is_a_conflict(program: httpx.AsyncClient, seed: Seed) -> None:
    """Not our fault and no defect: in some seconds it is sealed."""
    job_id = await seed.delivered()
    for what in ("evidence", "bundle"):
        answer = await program.get(f"/api/v1/jobs/{job_id}/{what}")
        assert (answer.status_code, answer.json()["error"]) == (409, "impossible")
        assert "not sealed yet" in answer.json()["detail"]


async def test_a_bundle_is_what_a_stranger_checks(
    program: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """The same file that `audit export` writes: it verifies, and its name says whose it is."""
    job_id = await seed.delivered()
    await sealed(road, clock)
    answer = await program.get(f"/api/v1/jobs/{job_id}/bundle")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{job_id}.zip"'
    report = Report()
    files = unpack(answer.content, report)
    assert MANIFEST in files
    assert check(files, None, report).findings == []
