"""From submit to proof: jobs of every provider, sealed while they arrive, verified, and an edit of the ledger named."""

import sqlite3
from contextlib import closing
from pathlib import Path

from receiver.audit.findings import Finding, Report
from receiver.audit.seal import open_sealer
from receiver.audit.verify import Verifier
from receiver.ledger.glance import sqlite_file
from tests.whole.stage import House, open_house


async def checked(house: House) -> Report:
    report = Report()
    await Verifier(house.road.ledger, house.road.storage, house.settings).run(report, deep=True)
    return report


def edit(house: House, statement: str, job_id: str) -> None:
    with closing(sqlite3.connect(str(sqlite_file(house.settings.database_url)))) as ledger, ledger:
        assert ledger.execute(statement, [job_id]).rowcount == 1


async def test_what_was_delivered_is_proved_and_an_edit_is_named(tmp_path: Path) -> None:
    """Four providers' jobs, by callback, upload and answer: all of it is sealed, verifies, and cannot be changed."""
    async with open_house(tmp_path) as house:
        jobs = [
            await house.submitter.submit("fal", prompt="a donut", images=[house.input_picture()]),
            await house.submitter.submit("fireworks", prompt="a donut"),
            await house.submitter.submit("runware", prompt="a donut", n=2),
            await house.submitter.submit("runware", prompt="a donut", upload=True),
            await house.submitter.submit("vtrix", prompt="a donut"),
        ]
        for job in jobs:
            assert (await house.ends(job)).status == "delivered"
        sealer = open_sealer(house.road.ledger, house.settings, house.road.clock)
        await sealer.work()

        report = await checked(house)
        assert report.findings == []
        assert report.noted == []
        assert report.checked["order rows"] == report.checked["end rows"] == len(jobs)
        assert report.checked["signatures"] == 2
        assert report.checked["files rehashed"] == report.checked["images"] == 6

        edit(house, "UPDATE delivery SET verdict = 'unsigned' WHERE job_id = ?", jobs[0].id)
        edit(house, "DELETE FROM image WHERE job_id = ?", jobs[1].id)
        found = (await checked(house)).findings
    found.sort(key=lambda each: each.what)
    assert [(each.what, each.where.split()[0]) for each in found] == [("changed", "delivery"), ("removed", "image")]
    assert "verdict" in found[0].detail
    assert isinstance(found[0], Finding)
