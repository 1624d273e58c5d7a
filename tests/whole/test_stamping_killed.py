"""The stamper is killed with SIGKILL at any step: the next one asks again, and one stamp is kept and sealed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.audit.findings import Report
from receiver.audit.seal import open_sealer
from receiver.audit.stamping import open_stamper
from receiver.audit.verify import Verifier
from receiver.ledger import jobs, trail_tables
from tests.receiver.audit.asking import door
from tests.receiver.audit.authority import Authority
from tests.receiver.ledger.ledgers import new_job_id, opening, rows
from tests.whole.stage import open_house
from tests.whole.test_killed import Victim

STEPS = {
    "it has the answer": (("receiver.audit.stamping:answer", "after"), 2),
    "in the transaction": (("receiver.ledger.stamps:add", "after"), 2),
    "it is kept": (("receiver.audit.stamping:Stamper.work", "after"), 1),
}
"""Step → where it dies, and how often the authority is asked in all."""


@pytest.mark.parametrize("step", STEPS)
async def test_the_stamper_dies(step: str, tmp_path: Path) -> None:
    """A real reconciler, in which the stamper works beside the sealer."""
    where, questions = STEPS[step]
    authority = Authority(datetime.now(UTC))
    (tmp_path / "roots.pem").write_bytes(authority.roots)
    async with door(authority) as there:
        roots = str(tmp_path / "roots.pem")
        async with open_house(tmp_path, busy=False, web=False, tsa_url=there.url, tsa_roots=roots) as house:
            ledger, clock = house.road.ledger, house.road.clock
            await ledger.fact(lambda c: jobs.open_job(c, opening(new_job_id(), created_at=clock())))
            await open_sealer(ledger, house.settings, clock).work()
            async with Victim(house, where, "serve", "--only=reconcile") as victim:
                await victim.dies()
            stamper = open_stamper(ledger, house.settings, clock)
            assert stamper is not None
            await stamper.work()
            # opened only now: the one that died had a sealer, too, and one from before has not seen what that sealed
            await open_sealer(ledger, house.settings, clock).work(at_once=True)
            assert len(authority.asked) == questions
            assert len(rows(ledger, trail_tables.stamp)) == 1
            assert rows(ledger, trail_tables.unsealed) == []
            report = Report()
            await Verifier(ledger, house.road.storage, house.settings).run(report)
            assert (report.findings, report.checked["timestamps"]) == ([], 1)
