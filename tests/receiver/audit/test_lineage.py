"""Our keys rotate: the old signs the new, all that it signed still verifies, and a key from nowhere is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from receiver.audit import checkpoint, note, signing
from receiver.audit.findings import Report
from receiver.audit.lineage import lineage
from receiver.audit.seal import Sealer, open_sealer
from receiver.audit.verify import Verifier
from receiver.errors import BrokenEvidence
from receiver.keyfile import key_file, rotate
from receiver.ledger.ledger import Ledger
from receiver.ledger.trail import SignerKey
from receiver.ledger.trail_tables import checkpoint as checkpoints
from receiver.ledger.trail_tables import signer
from receiver.road import open_road
from receiver.settings import Settings
from receiver.storage import Memory
from tests.receiver.house import configured
from tests.receiver.ledger.ledgers import opened, rows

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD, MIDDLE, NEW = ("old " * 8, "middle " * 8, "new " * 8)


@dataclass
class Trail:
    """A ledger that is sealed now and then, by other secrets each time."""

    ledger: Ledger
    folder: Path
    now: datetime = field(default=BEGAN)

    def settings(self, *secrets: str) -> Settings:
        return configured(self.folder, proofhook_secret=",".join(secrets))

    def sealer(self, *secrets: str) -> Sealer:
        return open_sealer(self.ledger, self.settings(*secrets), lambda: self.now)

    async def sealed(self, *secrets: str) -> None:
        """One more job, and a checkpoint of it a minute later."""
        self.now += timedelta(minutes=1)
        await opened(self.ledger)
        await self.sealer(*secrets).work()

    async def checked(self, *secrets: str) -> Report:
        report = Report()
        await Verifier(self.ledger, Memory(), self.settings(*secrets)).run(report)
        return report


@pytest.fixture
async def trail(tmp_path: Path) -> AsyncIterator[Trail]:
    made = Trail(Ledger(configured(tmp_path).database_url), tmp_path)
    yield made
    made.ledger.close()


async def test_a_rotated_trail_verifies(trail: Trail) -> None:
    """Over two rotations: every checkpoint of every key, whichever of the secrets are left."""
    await trail.sealed(OLD)
    await trail.sealed(OLD, MIDDLE)
    await trail.sealed(OLD, MIDDLE)
    await trail.sealed(MIDDLE, NEW)
    assert (await trail.checked(MIDDLE, NEW)).findings == []
    assert (await trail.checked(NEW)).findings == []


async def test_old_checkpoints_verify_with_the_chain(trail: Trail) -> None:
    """Whoever knows the first key alone believes the newest checkpoint; the old one is believed as before."""
    await trail.sealed(OLD)
    await trail.sealed(OLD, NEW)
    first, last = (bytes(row["note"]) for row in rows(trail.ledger, checkpoints))
    keys = signing.chain([SignerKey(row["vkey"], row["vouched"]) for row in rows(trail.ledger, signer)])
    assert checkpoint.parse(note.verify(first, keys[:1])).size == 1
    assert checkpoint.parse(note.verify(last, keys)).size == 2
    with pytest.raises(BrokenEvidence):
        note.verify(last, keys[:1])


async def test_a_key_from_nowhere_is_refused(trail: Trail) -> None:
    """Where the old secret was thrown away nothing is signed, the log says what to do, and the trail stays good."""
    await trail.sealed(OLD)
    trail.now += timedelta(minutes=1)
    await opened(trail.ledger)
    stop = asyncio.Event()
    with structlog.testing.capture_logs() as said:
        running = asyncio.create_task(trail.sealer(NEW).run(stop))
        async with asyncio.timeout(10):
            while not any("could not" in each["event"] for each in said):
                await asyncio.sleep(0.01)
        stop.set()
        await running
    assert any("put the secret of before back in front" in each.get("error", "") for each in said)
    assert len(rows(trail.ledger, checkpoints)) == len(rows(trail.ledger, signer)) == 1
    await trail.sealed(OLD, NEW)
    assert (await trail.checked(OLD, NEW)).findings == []


async def test_the_lineage(trail: Trail) -> None:
    """Each key with its state, the time of its first checkpoint, and whether its secret is here."""
    assert [(key.state, key.since) for key in await lineage(trail.ledger, [OLD.encode()], "x/trail")] == [
        ("next", None)
    ]
    for _ in range(3):
        await trail.sealed(OLD)
    for _ in range(4):
        await trail.sealed(OLD, MIDDLE)
    found = await lineage(trail.ledger, [MIDDLE.strip().encode(), NEW.strip().encode()], "x/trail")
    assert [(key.state, key.since, key.held) for key in found] == [
        ("past", "2026-11-20T12:01:00.000000Z", False),
        ("in use", "2026-11-20T12:04:00.000000Z", True),
        ("next", None, True),
    ]
    assert all(key.vkey.startswith("hooks.example/trail+") for key in found)


@pytest.mark.parametrize("another", [False, True])
async def test_a_running_sealer_takes_up_a_rotation(another: bool, tmp_path: Path) -> None:
    """The next checkpoint is by the new key, also where another has introduced it: no restart, and all verifies."""
    now, once = BEGAN, asyncio.Event()
    once.set()  # each `run` is then one round
    road = open_road(configured(tmp_path, proofhook_secret=""), lambda: now)
    file = key_file(road.settings.database_url)
    assert file is not None
    running = open_sealer(road.ledger, road.settings, road.clock, road.rotated)
    await opened(road.ledger)
    await running.run(once)
    rotate(file)
    if another:
        now += timedelta(minutes=1)
        await opened(road.ledger)
        await open_sealer(road.ledger, configured(tmp_path, proofhook_secret=""), road.clock).work()
    for _ in range(2):
        now += timedelta(minutes=1)
        await opened(road.ledger)
        await running.run(once)
    keys = signing.chain([SignerKey(row["vkey"], row["vouched"]) for row in rows(road.ledger, signer)])
    last = checkpoint.parse(note.verify(bytes(rows(road.ledger, checkpoints)[-1]["note"]), keys[1:]))
    report = Report()
    await Verifier(road.ledger, Memory(), road.settings).run(report)
    await road.aclose()
    assert (last.size, len(keys), report.findings) == (3 + another, 2, [])
