"""The sealer: everything once and in order, one line of entries for many sealers, checkpoints when it is time."""

import asyncio
from datetime import timedelta

import pytest

from receiver.audit import checkpoint, entries, note, signing
from receiver.audit.merkle import Frontier
from receiver.audit.seal import EVERY, MOST, QUIET, Sealer
from receiver.errors import SealedElsewhere
from receiver.ledger import trail, trail_tables
from receiver.ledger.archive import Archive
from receiver.ledger.trail import Sealed, SignerKey
from receiver.wire.types import Failure
from tests.receiver.audit.scene import NAME
from tests.receiver.audit.sealing import Trail, house
from tests.receiver.house import NOW
from tests.receiver.ledger.conftest import backend, database_url, ledger
from tests.receiver.ledger.ledgers import acknowledged, arrival, image, opened, rows, success

__all__ = ["backend", "database_url", "house", "ledger"]


async def test_the_queue_is_sealed_in_its_order(house: Trail) -> None:
    """First come, first sealed; the queue is empty then, and a second round seals nothing."""
    wanted = await house.jobs(5)
    sealer = house.sealer()
    assert await sealer.seal() == 5
    assert await sealer.seal() == 0
    assert house.refs() == wanted
    assert rows(house.ledger, trail_tables.unsealed) == []


async def test_a_long_queue_is_emptied_in_one_go(house: Trail) -> None:
    """More than one transaction takes: all of it is sealed, and under one checkpoint."""
    wanted = await house.jobs(MOST + 3)
    await house.sealer().work()
    assert house.refs() == wanted
    assert [row["size"] for row in house.marks()] == [MOST + 3]
    assert (await house.check()).findings == []


async def test_a_restart_goes_on_where_the_last_one_was(house: Trail) -> None:
    """The tree is read from its tiles; across the end of a tile, too."""
    for count in (3, 250, 10, 260):
        await house.jobs(count)
        house.now += EVERY
        await house.sealer().work()
    assert [row["size"] for row in house.marks()] == [3, 253, 263, 523]
    assert (await house.check()).findings == []


async def test_two_sealers_at_once_make_one_line(house: Trail) -> None:
    """Whoever is late starts anew: each entry is there once, and the checkpoints follow on one another."""
    wanted = await house.jobs(40)
    two = [house.sealer(), house.sealer()]

    async def work(sealer: Sealer) -> None:
        for _ in range(20):
            house.now += EVERY
            try:
                await sealer.work()
            except SealedElsewhere:
                sealer._forget()
            wanted.extend(await house.jobs(2))

    await asyncio.gather(*map(work, two))
    house.now += EVERY
    two[0]._forget()
    await two[0].work()
    assert sorted(house.refs()) == sorted(wanted)
    assert [row["n"] for row in house.marks()] == list(range(1, len(house.marks()) + 1))
    assert len(rows(house.ledger, trail_tables.signer)) == 1
    assert (await house.check()).findings == []


async def test_what_grew_meanwhile_is_not_written_over(house: Trail) -> None:
    """Leaves, checkpoints and keys are added behind the very state that was looked at, or not at all."""
    await house.jobs(1)
    await house.sealer().work()
    archive, [mark] = Archive(house.ledger), house.marks()
    with pytest.raises(SealedElsewhere):
        await archive.append(0, [], [], [])
    for after, size in ((None, 1), (b"another", 1), (mark["note"], 2)):
        with pytest.raises(SealedElsewhere):
            await archive.checkpointed(Sealed(size, NOW, b"x"), after)
    with pytest.raises(SealedElsewhere):
        await archive.signer_added(SignerKey("x", None), None)


async def test_a_row_that_changed_is_sealed_once_more(house: Trail) -> None:
    """A job that ends anew: the later entry stands for the row, the earlier one stays and agrees with it."""
    job_id = await opened(house.ledger)
    await house.ledger.failed(job_id, Failure("boom", "late"), NOW)
    await house.sealer().work()
    await house.ledger.record(arrival(job_id, success(image())))
    await house.ledger.called(job_id, NOW)
    waiting = await house.check()
    house.now += EVERY
    await house.sealer().work()
    assert [ref for ref in house.refs() if ref == job_id] == [job_id] * 3
    assert waiting.findings == (await house.check()).findings == []


async def test_what_we_take_back_is_sealed_as_gone(house: Trail) -> None:
    """An acknowledgement disowns what came before it: event and end are gone, which is noted and no finding."""
    job_id = await opened(house.ledger)
    await house.ledger.record(arrival(job_id, success(image())))
    await house.sealer().work()
    await house.ledger.noted(job_id, acknowledged("another"), NOW)
    waiting = await house.check()
    house.now += EVERY
    await house.sealer().work()
    report = await house.check()
    assert waiting.findings == report.findings == []
    assert sorted(sentence.split()[0] for sentence in report.noted) == ["end", "event"]


async def test_what_never_was_is_not_sealed_as_gone(house: Trail) -> None:
    """A name in the queue of which there is nothing and was nothing leaves no entry."""
    await house.ledger.fact(lambda c: trail.queue(c, "end", ["nobody"]))
    await house.sealer().work()
    assert house.refs() == []


async def test_checkpoints_come_while_there_is_news_and_each_quiet_hour(house: Trail) -> None:
    """Nothing new: none before an hour. News: after seconds, or at once where the process ends."""
    sealer = house.sealer()
    assert await sealer.sign()
    house.now += QUIET - timedelta(seconds=1)
    assert not await sealer.sign()
    house.now += timedelta(seconds=1)
    assert await sealer.sign()
    await house.jobs(1)
    await sealer.seal()
    assert not await sealer.sign()
    assert await sealer.sign(at_once=True)
    assert not await sealer.sign(at_once=True)
    assert [row["size"] for row in house.marks()] == [0, 0, 1]
    assert (await house.check()).findings == []


async def test_a_clock_that_went_back_still_signs(house: Trail) -> None:
    """A checkpoint that claims the future does not keep the next one waiting for it."""
    sealer = house.sealer()
    await sealer.sign()
    house.now -= timedelta(days=1)
    assert await sealer.sign()
    assert not await sealer.sign()
    assert (await house.check()).findings == []


async def test_it_runs_until_it_is_told_to_stop(house: Trail) -> None:
    """A part of the process: what there is when the word comes is sealed and signed."""
    stop = asyncio.Event()
    running = asyncio.create_task(house.sealer().run(stop))
    await house.jobs(2)
    async with asyncio.timeout(20):
        while not house.marks() or rows(house.ledger, trail_tables.unsealed):
            await asyncio.sleep(0.01)
    await house.jobs(2)
    stop.set()
    await asyncio.wait_for(running, 20)
    assert house.marks()[-1]["size"] == 4
    assert (await house.check()).findings == []


async def test_a_checkpoint_says_what_it_says(house: Trail) -> None:
    """Origin, size, root, time and the one before; the first of them says that there is none."""
    await house.jobs(2)
    sealer = house.sealer()
    await sealer.work()
    house.now += QUIET
    await sealer.work()
    keys = signing.chain(await Archive(house.ledger).signers())
    first, second = (checkpoint.parse(note.verify(row["note"], keys)) for row in house.marks())
    leaves = sorted(rows(house.ledger, trail_tables.trail), key=lambda row: row["n"])
    assert (first.origin, first.size) == (NAME, 2)
    assert first.root == Frontier().append([row["hash"] for row in leaves]).after.root()
    assert first.extensions == ("time 2026-11-20T12:00:00.000000Z", "previous none")
    assert second.extensions[1].startswith("previous ")
    assert second.extensions[1] != "previous none"
    assert {entries.read(row["entry"])["kind"] for row in leaves} == {"order"}
