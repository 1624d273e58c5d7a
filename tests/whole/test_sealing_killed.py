"""The sealer is killed with SIGKILL at any step: the next one finishes, nothing is sealed twice, all of it verifies."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver.audit.findings import Report
from receiver.audit.seal import open_sealer
from receiver.audit.verify import Verifier
from receiver.ledger import jobs, trail_tables
from receiver.ledger.ledger import Ledger
from receiver.ledger.schema import migrate
from receiver.storage import Memory
from tests import postgres
from tests.receiver.audit.editing import editor
from tests.receiver.house import NOW, configured
from tests.receiver.ledger.ledgers import new_job_id, opening, rows, sha
from tests.whole.stage import House, open_house
from tests.whole.test_killed import Victim

APPEND = "receiver.ledger.trail:append"
OURS: dict[str, Any] = {"proofhook_secret": "s" * 32, "admin_token": "a" * 32}
STEPS = {
    "in the transaction": (APPEND, "after"),
    "entries are added": ("receiver.ledger.archive:Archive.append", "after"),
    "before the checkpoint": ("receiver.ledger.archive:Archive.checkpointed", "before"),
    "in the checkpoint's transaction": ("receiver.ledger.trail:add_checkpoint", "after"),
    "before it is kept outside": ("receiver.audit.witness:Witness.saw", "before"),
}


@pytest.fixture
def server() -> Iterator[str]:
    url = postgres.fresh()
    yield url
    postgres.drop(url)


async def killed(house: House, step: str) -> None:
    """A real reconciler seals, and dies at its step; another comes."""
    ledger = house.road.ledger
    now = house.road.clock()
    facts = {"created_at": now, "deadline_at": now + timedelta(hours=1), "ask_at": None}
    many = [opening(new_job_id(), **facts) for _ in range(300)]
    await ledger.fact(lambda c: [jobs.open_job(c, each) for each in many])
    async with Victim(house, STEPS[step], "serve", "--only=reconcile") as victim:
        await victim.dies()
    sealer = open_sealer(ledger, house.settings, house.road.clock)
    await sealer.work(at_once=True)
    assert rows(ledger, trail_tables.unsealed) == []
    assert sorted(row["ref"] for row in rows(ledger, trail_tables.trail)) == sorted(each.id for each in many)
    assert rows(ledger, trail_tables.checkpoint)[-1]["size"] == len(many)
    report = Report()
    await Verifier(ledger, house.road.storage, house.settings).run(report)
    assert report.findings == []


@pytest.mark.parametrize("step", STEPS)
async def test_the_sealer_dies(step: str, tmp_path: Path) -> None:
    """On a SQLite file, before, in and after every transaction, and before the copy outside."""
    async with open_house(tmp_path, busy=False, web=False) as house:
        await killed(house, step)


@pytest.mark.parametrize("step", ["in the transaction", "in the checkpoint's transaction"])
async def test_the_sealer_dies_on_a_server(step: str, tmp_path: Path, server: str) -> None:
    """A transaction that a server rolls back leaves no gap in the numbers."""
    async with open_house(tmp_path, busy=False, web=False, database_url=server, **OURS) as house:
        await killed(house, step)


@pytest.fixture(params=["sqlite", "postgres"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A ledger before the trail, empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    url = postgres.fresh(migrated=False)
    yield url
    postgres.drop(url)


def test_a_ledger_from_before_the_trail_is_sealed_whole(old_url: str, tmp_path: Path) -> None:
    """Rows of revision 0002: after the migration all of them are sealed, and verify."""
    migrate(old_url, "0002")
    job = {
        "id": new_job_id(), "provider": "fal", "model": "m", "status": "delivered", "standing": 70, "order_digest": "d",
        "expected": 1, "upload": False, "order_json": "{}", "params": "{}", "tags": "{}", "links": "{}", "asks": 0,
        "created_at": NOW, "deadline_at": NOW,
    }  # fmt: skip
    image = {
        "job_id": job["id"], "key": "0", "n": 0, "announced_at": NOW, "sha256": "5" * 64, "media_type": "image/png",
        "width": 1, "height": 1, "bytes": 3, "arrived_by": "download", "stored_at": NOW,
    }  # fmt: skip
    delivery = {
        "id": "d", "received_at": NOW, "provider": "fal", "job_id": job["id"], "kind": "hook", "verdict": "unsigned",
        "headers": b"", "body": b"", "body_sha256": sha(b""), "body_bytes": 0, "repeats": 0,
    }  # fmt: skip
    event = {"job_id": job["id"], "event_id": "e", "delivery_id": "d", "outcome": "succeeded", "recorded_at": NOW}
    with editor(old_url) as edit:
        for table, row in (("job", job), ("image", image), ("delivery", delivery), ("event", event)):
            as_kept = row if edit.mark == "%s" else {name: kept(value) for name, value in row.items()}
            edit.insert(table, as_kept)
    migrate(old_url)
    asyncio.run(_sealed_and_checked(old_url, tmp_path, {"order", "image", "delivery", "event", "end"}))


async def _sealed_and_checked(url: str, folder: Path, kinds: set[str]) -> None:
    ledger, settings, report = Ledger(url), configured(folder, database_url=url), Report()
    storage = Memory()
    await open_sealer(ledger, settings, lambda: NOW).work()
    await Verifier(ledger, storage, settings, lambda: NOW).run(report)
    sealed = {row["kind"] for row in rows(ledger, trail_tables.trail)}
    ledger.close()
    assert sealed == kinds
    assert [each.what for each in report.findings] == ["missing"]  # the picture: nobody ever stored it here
    assert all(report.checked[f"{kind} rows"] == 1 for kind in kinds)


def kept(value: object) -> object:
    """As SQLite keeps it."""
    return value.isoformat(" ", "microseconds")[:26] if isinstance(value, datetime) else value
