"""A sealed ledger with jobs of three providers, the bundle made of it, and ways to alter a bundle."""

import asyncio
import hashlib
import hmac
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from receiver import registry
from receiver.audit.bundle import Bundle, export
from receiver.audit.seal import Sealer
from receiver.audit.stranger.archive import pack, unpack
from receiver.audit.stranger.check import check
from receiver.audit.stranger.findings import NotABundle, Report
from receiver.audit.witness import Witness
from receiver.ledger.ids import job_id as new_job_id
from receiver.ledger.jobs import Opening
from receiver.ledger.ledger import Ledger
from receiver.ledger.tasks import Collected
from receiver.outgoing import endpoints
from receiver.settings import Settings
from receiver.storage import Folder
from receiver.wire.orders import Acknowledged, Prepared
from tests.receiver.house import House, Placed, configured, opened, png

TRAIL = "hooks.example/trail"
HOSTILE = "</blockquote><script>alert('owned')</script> \u202e\x1b]0;owned\x07 \u00fcber"
INPUT = "ab" * 32


@dataclass(slots=True)
class Scene:
    """A closed ledger: `jobs` are fal's, Runware's (by upload), Fireworks' (failed) and one that waits."""

    folder: Path
    settings: Settings
    jobs: tuple[str, ...]

    def export(self, *jobs: str, redact: Sequence[str] = (), **changed: Any) -> Bundle:
        """What `audit export` makes of jobs, of all three ended ones where none is named."""

        async def whole() -> Bundle:
            settings = configured(self.folder, **changed)
            ledger = Ledger(settings.database_url)
            try:
                return await export(ledger, Folder(self.folder / "images"), settings, jobs or self.jobs[:3], redact)
            finally:
                ledger.close()

        return asyncio.run(whole())


def build(folder: Path, database_url: str | None = None) -> Scene:
    """Sealed with the first of two secrets, and then with the second."""
    return asyncio.run(_build(folder, {"database_url": database_url} if database_url else {}))


async def _build(folder: Path, given: Mapping[str, Any]) -> Scene:
    async with opened(folder, **given) as house:
        settings = house.road.settings
        witness = Witness(settings.database_url)
        old = Sealer(house.road.ledger, settings.secrets[:1], TRAIL, house.clock, witness)
        fal, runware, fireworks = [await _place(house, name) for name in ("fal", "runware", "fireworks")]
        await house.fal(fal, seed="3" * 64)
        await house.fal(fal)
        await house.client.put(runware.uploads[0], content=png(color="navy"))
        await _signed(house, fireworks, {"id": fireworks.request_id, "status": "Error", "details": "no knives"})
        await old.work()
        house.clock.ahead(minutes=1)
        await _collect(house)
        await Sealer(house.road.ledger, settings.secrets, TRAIL, house.clock, witness).work()
        waits = await _place(house, "fal")
        return Scene(folder, settings, (fal.id, runware.id, fireworks.id, waits.id))


async def _place(house: House, provider: str) -> Placed:
    now, job_id = house.clock(), new_job_id(house.clock())
    order = {"prompt": HOSTILE, "seed": None, "images": [{"sha256": INPUT, "media_type": "image/png", "name": "k.png"}]}
    upload = provider == "runware"
    facts: dict[str, Any] = {"order": order, "order_digest": "d" * 64, "params": {"prompt": HOSTILE}}
    facts |= {"tags": {"for": "tests"}, "idempotency_key": f"once-{provider}-{job_id}", "upload": upload, "expected": 1}
    times: dict[str, Any] = {"created_at": now, "deadline_at": now + timedelta(hours=1), "ask_at": None}
    await house.road.ledger.opened(Opening(id=job_id, provider=provider, model="m", **facts, **times))
    request_id = job_id if upload else f"request-{job_id}"
    links = {"status": "https://queue.fal.run/status"} if provider == "fal" else {}
    await house.road.ledger.noted(job_id, Acknowledged(request_id, links), now)
    prepared = Prepared("m", {}, 1, upload=upload)
    given = endpoints(house.road.settings, registry.provider(provider), job_id, prepared)
    return Placed(job_id, provider, request_id, given.hook, given.uploads, given.secret)


async def _signed(house: House, job: Placed, said: Mapping[str, Any]) -> None:
    body = json.dumps(said).encode()
    signature = hmac.new(job.secret.encode(), body, hashlib.sha256).hexdigest()
    await house.post(job, body, {"X-BFL-Signature": f"sha256={signature}"})


async def _collect(house: House) -> None:
    now = house.clock()
    for task in await house.road.ledger.leased("worker", now, now + timedelta(minutes=1), 100):
        data = png() if task.staged_sha256 is None else await house.road.storage.get(task.staged_sha256)
        kept = await house.road.storage.put(data)
        found = Collected(kept.sha256, "image/png", 8, 6, kept.bytes, "upload" if task.staged_sha256 else "download")
        await house.road.ledger.stored(task, found, now)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return build(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def bundle(scene: Scene) -> bytes:
    """Of all jobs."""
    return scene.export().data


@pytest.fixture
def held(bundle: bytes) -> dict[str, bytes]:
    """The bundle's files, by their names."""
    return files(bundle)


def files(data: bytes) -> dict[str, bytes]:
    """The files of a bundle, read by other code than ours."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def checked(data: bytes, key: str | None = None) -> Report:
    """What verify-bundle finds in these bytes. Raises NotABundle."""
    report = Report()
    return check(unpack(data, report), key, report)


def is_found(data: bytes) -> bool:
    """Whether the check says that something is wrong: a finding, or that it is no bundle at all."""
    try:
        return bool(checked(data).findings)
    except NotABundle:
        return True


def packed(changed: Mapping[str, bytes]) -> bytes:
    return b"".join(pack(changed))


def resealed(scene: Scene, changed: Mapping[str, bytes], secret: bytes | None = None) -> bytes:
    """A bundle of altered files whose manifest was made and signed anew: what the trail's owner could do."""
    from receiver.audit import note, signing

    rest = {name: data for name, data in changed.items() if not name.startswith("manifest.")}
    facts = json.loads(changed["manifest.json"])
    facts["files"] = {n: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in rest.items()}
    manifest = json.dumps(facts).encode()
    signer = signing.signer(secret or scene.settings.secrets[-1], TRAIL)
    text = f"proofhook bundle 1\n{hashlib.sha256(manifest).hexdigest()}\n"
    return packed(rest | {"manifest.json": manifest, "manifest.note": note.sign(text, [signer])})


def flipped(data: bytes, at: int, by: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ by]) + data[at + 1 :]


def named(report: Report) -> set[str]:
    return {where for _, where, _ in report.findings}


def place(held: dict[str, bytes], kind: str, words: str = "") -> str:
    """The folder of the first entry of a kind with these words in it."""
    found = (each for each in sorted(held) if each.endswith(f"-{kind}/entry.json") and words in held[each].decode())
    return next(found).removesuffix("/entry.json")
