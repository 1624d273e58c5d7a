"""The trail at a glance, as the Evidence page shows it."""

from receiver.audit.seal import open_sealer
from receiver.ledger import stamps
from receiver.ledger.stamps import Stamped
from receiver.ledger.trail_glance import glance
from receiver.road import Road
from tests.receiver.pages.conftest import clock, kept, road, seed  # noqa: F401  the same house
from tests.receiver.pages.seeding import T0, Clock, Seed


async def test_nothing_is_sealed_yet(road: Road, seed: Seed) -> None:  # noqa: F811
    """An empty trail has no checkpoint, no key and no entry; what waits is counted."""
    await seed.opened()
    found = await glance(road.ledger)
    assert (found.entries, found.signed, found.keys, found.stamp, found.newest) == (0, None, (), None, ())
    assert found.unsealed > 0


async def test_entries_lead_to_their_jobs(road: Road, seed: Seed, clock: Clock) -> None:  # noqa: F811
    """Newest first, at most so many; an order, a delivery, an image and an end name their job, a key none."""
    job_id = await seed.delivered()
    await open_sealer(road.ledger, road.settings, clock).work(at_once=True)
    found = await glance(road.ledger, 100)
    assert [entry.n for entry in found.newest] == list(range(found.entries - 1, -1, -1))
    assert {entry.kind for entry in found.newest} == {"order", "delivery", "event", "image", "end"}
    assert {entry.job_id for entry in found.newest} == {job_id}
    assert found.signed is not None
    assert (found.signed.n, found.signed.entries, found.signed.at) == (1, found.entries, clock.now)
    assert len(found.keys) == 1
    assert len((await glance(road.ledger, 2)).newest) == 2


async def test_the_newest_stamp(road: Road) -> None:  # noqa: F811
    """The stamp of the newest checkpoint is the one that is told, and its entry is of no job."""
    for n in (7, 9, 8):
        made = Stamped(f"{n}" * 64, n, f"tsa {n}", T0, T0, b"")
        await road.ledger.fact(lambda c, made=made: stamps.add(c, made))  # type: ignore[misc]
    await open_sealer(road.ledger, road.settings, lambda: T0).work(at_once=True)
    found = await glance(road.ledger)
    assert found.stamp is not None
    assert (found.stamp.checkpoint, found.stamp.tsa) == (9, "tsa 9")
    assert [entry.job_id for entry in found.newest] == [None] * 3
