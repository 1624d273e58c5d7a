"""A sealed ledger to tamper with: deliveries of every kind, images, ends, two keys of ours, several checkpoints.

The newest checkpoint of a file is kept beside it; those of a server are mirrored to a folder.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from receiver.audit import timestamp
from receiver.audit.findings import Report
from receiver.audit.seal import QUIET, Sealer
from receiver.audit.verify import Verifier
from receiver.audit.witness import Witness, open_witness
from receiver.ledger import jobs, stamps, tables, trail
from receiver.ledger.glance import sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.ledger.stamps import Stamped
from receiver.ledger.tasks import Collected
from receiver.settings import Settings
from receiver.storage import Folder
from receiver.wire.types import Failure
from tests.receiver.audit.authority import Authority
from tests.receiver.audit.editing import Editor, Row, editor
from tests.receiver.house import OTHER_SEED, House, Placed, configured, done, opened, png, public
from tests.receiver.keyserver import jwk, jwks
from tests.receiver.ledger.ledgers import new_job_id, opening

NAME = "hooks.example/trail"
STRANGER = "3" * 64
"""The seed of a key that no key server gives."""
MANY = 260
"""Orders in one go: more than a tile holds."""
AUTHORITY = Authority()
"""Stamps a checkpoint of each day."""


@dataclass(slots=True)
class Scene:
    """`settled` are the rows that are sealed: table → rows; `waiting` the ids of deliveries that are not yet."""

    folder: Path
    settings: Settings
    ledger: Ledger
    storage: Folder
    now: datetime
    edit: Editor
    settled: dict[str, list[Row]]
    waiting: list[str]

    async def check(self, *, deep: bool = False, since: datetime | None = None) -> Report:
        """What `audit verify` finds now."""
        report = Report()
        await Verifier(self.ledger, self.storage, self.settings, lambda: self.now).run(report, since, deep=deep)
        assert all(each.where.isprintable() and each.detail.isprintable() for each in report.findings)
        return report

    def outside(self) -> tuple[Path, bytes] | None:
        """The checkpoint that is kept beside a file, and where."""
        place = Witness(self.settings.database_url).place
        return (Path(place), Path(place).read_bytes()) if place else None

    def sealer(self, *secrets: bytes, ledger: Ledger | None = None) -> Sealer:
        given, here = secrets or self.settings.secrets, ledger or self.ledger
        return Sealer(here, given, NAME, lambda: self.now, open_witness(here, self.settings))

    def mirrored(self) -> set[Path]:
        """The files of the mirror."""
        return {path for path in (self.folder / "mirror").rglob("*") if path.is_file()}


async def build(folder: Path, database_url: str) -> Scene:
    """Everything that a ledger can hold, sealed in several steps, and two deliveries that still wait."""
    (folder / "roots.pem").write_bytes(AUTHORITY.roots)
    mirror = "" if sqlite_file(database_url) else f"file:{folder}/mirror"
    settings = configured(
        folder, database_url=database_url, tsa_roots=str(folder / "roots.pem"), checkpoint_mirror_url=mirror
    )
    async with opened(folder, database_url=database_url) as house:
        await _first_day(house, settings)
        await _later(house, settings)
        with editor(database_url) as edit:
            settled = {table: edit.rows(table) for table in edit.tables}
        for _ in range(2):
            await house.fal(await house.place("fal"), seed=OTHER_SEED)
        await house.road.ledger.duty_taken("seal", "somebody", house.clock())
        now = house.clock()
    settled["job"] = [row for row in settled["job"] if row["standing"] >= 30]
    settled["image"] = [row for row in settled["image"] if row["sha256"]]
    edit = editor(database_url)
    known = {row["id"] for row in settled["delivery"]}
    waiting = [row["id"] for row in edit.rows("delivery") if row["id"] not in known]
    for table in ("task", "duty", "unsealed"):
        settled[table] = edit.rows(table)
    edit.keep()
    return Scene(folder, settings, Ledger(database_url), Folder(folder / "images"), now, edit, settled, waiting)


async def _first_day(house: House, settings: Settings) -> None:
    sealer = Sealer(
        house.road.ledger, settings.secrets[:1], NAME, house.clock, open_witness(house.road.ledger, settings)
    )
    first, second = await house.place("fal"), await house.place("fal")
    await house.fal(first)
    await house.fal(second, done(second.request_id, "https://v3.fal.media/a.png", "https://v3.fal.media/b.png"))
    await house.fal(first, seed=STRANGER)
    await sealer.work()
    await stamped(house.road.ledger, house.clock(), AUTHORITY)
    house.clock.ahead(seconds=5)
    await _collected(house)
    await fireworks(house)
    await sealer.work()


async def _later(house: House, settings: Settings) -> None:
    """With a new key of ours: an upload, a large body, a failed job, another key of fal's, a purge, a quiet hour."""
    sealer = Sealer(house.road.ledger, settings.secrets, NAME, house.clock, open_witness(house.road.ledger, settings))
    house.clock.ahead(minutes=1)
    uploaded = await house.place("runware", upload=True)
    assert (await house.client.put(uploaded.uploads[0], content=png(color="navy"))).is_success
    large = await house.place("fal")
    await house.fal(large, done(large.request_id, padding="x" * 70_000))
    house.keys.answer = jwks(jwk(public(OTHER_SEED), kid="fal-2"))
    house.clock.ahead(minutes=20)
    await house.fal(await house.place("fal"), seed=OTHER_SEED)
    await _failed(house)
    await _collected(house)
    await sealer.work()
    await stamped(house.road.ledger, house.clock(), AUTHORITY)
    house.clock.ahead(minutes=1)
    purged = {"purged_at": house.clock(), "files": 0, "why": "RETENTION_DAYS=1", "pending": "a b"}
    await house.road.ledger.fact(lambda c: _purged(c, {"job_id": uploaded.id} | purged))
    many = [opening(new_job_id(), created_at=house.clock()) for _ in range(MANY)]
    await house.road.ledger.fact(lambda c: [jobs.open_job(c, each) for each in many])
    await sealer.work()
    house.clock.now += QUIET
    await sealer.work()


async def stamped(ledger: Ledger, now: datetime, authority: Authority) -> Stamped:
    """Be the stamper: the authority's word on the newest checkpoint is kept, and waits to be sealed."""
    found = await ledger.read(stamps.unstamped)
    assert found is not None
    n, note = found
    response = authority.answer(timestamp.ask(note).data, now)
    made = Stamped(stamps.name(note), n, "https://tsa.example/", now, now, response)
    assert await ledger.fact(lambda c: stamps.add(c, made))
    return made


def _purged(connection: Connection, row: Row) -> None:
    """A purge that was sealed, and has not begun to empty anything."""
    connection.execute(tables.purge.insert().values(row))
    trail.queue(connection, "purge", [row["job_id"]])


async def fireworks(house: House) -> Placed:
    """A callback that is signed with the job's own secret."""
    job = await house.place("fireworks")
    said = {"id": job.request_id, "status": "Ready", "result": {"sample": "https://bfl.example/a.png"}}
    body = json.dumps(said).encode()
    signature = hmac.new(job.secret.encode(), body, hashlib.sha256).hexdigest()
    await house.post(job, body, {"X-BFL-Signature": f"sha256={signature}"})
    return job


async def _failed(house: House) -> None:
    facts: dict[str, Any] = {"idempotency_key": "once", "tags": {"for": "tests"}, "created_at": house.clock()}
    job_id, _ = await house.road.ledger.opened(opening(new_job_id(), **facts))
    await house.road.ledger.called(job_id, house.clock())
    await house.road.ledger.failed(job_id, Failure("boom", "it went boom"), house.clock())


async def _collected(house: House) -> None:
    """Be the worker: a picture for every image but the last, which stays announced."""
    now = house.clock()
    for task in (await house.road.ledger.leased("worker", now, now + timedelta(minutes=1), 100))[:-1]:
        data = png(color="red") if task.staged_sha256 is None else await house.road.storage.get(task.staged_sha256)
        kept = await house.road.storage.put(data)
        found = Collected(kept.sha256, "image/png", 8, 6, kept.bytes, "upload" if task.staged_sha256 else "download")
        assert await house.road.ledger.stored(task, found, now)
