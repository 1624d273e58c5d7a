"""A ledger with any number of sealers on it, each with connections of its own as another process has."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.audit.findings import Report
from receiver.audit.seal import Sealer
from receiver.audit.verify import Verifier
from receiver.audit.witness import open_witness
from receiver.ledger import jobs, trail_tables
from receiver.ledger.ledger import Ledger
from receiver.settings import Settings
from receiver.storage import Memory
from tests.receiver.audit.scene import NAME
from tests.receiver.house import NOW, configured
from tests.receiver.ledger.ledgers import new_job_id, opening, rows


@dataclass
class Trail:
    """A ledger with sealers on it."""

    ledger: Ledger
    settings: Settings
    now: datetime = NOW
    more: list[Ledger] = field(default_factory=list)

    def sealer(self) -> Sealer:
        """One of its own connections, as another process has."""
        self.more.append(Ledger(self.settings.database_url))
        witness = open_witness(self.more[-1], self.settings)
        return Sealer(self.more[-1], self.settings.secrets, NAME, lambda: self.now, witness)

    async def jobs(self, count: int) -> list[str]:
        """So many more orders to seal."""
        some = [opening(new_job_id(), created_at=self.now) for _ in range(count)]
        await self.ledger.fact(lambda c: [jobs.open_job(c, each) for each in some])
        return [each.id for each in some]

    def refs(self) -> list[str]:
        return [row["ref"] for row in sorted(rows(self.ledger, trail_tables.trail), key=lambda row: row["n"])]

    def marks(self) -> list[dict[str, Any]]:
        return rows(self.ledger, trail_tables.checkpoint)

    async def check(self) -> Report:
        report = Report()
        await Verifier(self.ledger, Memory(), self.settings, lambda: self.now).run(report)
        return report


@pytest.fixture
async def house(ledger: Ledger, database_url: str, tmp_path: Path) -> AsyncIterator[Trail]:
    made = Trail(ledger, configured(tmp_path, database_url=database_url))
    yield made
    for each in made.more:
        each.close()
