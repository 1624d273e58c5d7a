"""The count at the end finds what it is there to find."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from receiver.fetch import Fetcher
from receiver.worker import Worker
from tests.crash.elsewhere import named
from tests.crash.scene import Scene, scene

TWICE = (
    "INSERT INTO event (job_id, event_id, delivery_id, outcome, recorded_at)"
    " SELECT job_id, 'again', delivery_id, outcome, recorded_at FROM event"
)


async def _work(here: Scene) -> None:
    """One job that was delivered as it should be."""
    fetcher = Fetcher(allowed=here.road.settings.image_hosts, max_bytes=1 << 20)
    (sending,) = await here.traffic.fal()
    await here.arrive([sending])
    here.traffic.acknowledged[sending.job_id, named(sending.body)] += 1
    await Worker(here.road, fetcher).run_once()
    await fetcher.aclose()


def _break(here: Scene, harm: str) -> None:
    files = [path for path in (here.plant.folder / "images").rglob("*") if path.is_file()]
    if harm == "cut a file":
        files[0].write_bytes(files[0].read_bytes()[:-1])
    elif harm == "remove a file":
        files[0].unlink()
    else:
        engine = create_engine(here.plant.database_url)
        with engine.begin() as connection:
            connection.execute(text(harm))
        engine.dispose()


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("DELETE FROM delivery", {"lost"}),
        ("UPDATE delivery SET verdict = 'malformed'", {"lost"}),
        (TWICE, {"doubled"}),
        ("DELETE FROM image WHERE key = '0'", {"missing"}),
        ("UPDATE image SET sha256 = (SELECT max(sha256) FROM image)", {"doubled", "missing"}),
        ("UPDATE job SET status = 'succeeded'", {"unfinished"}),
        ("cut a file", {"half_written"}),
        ("remove a file", {"missing"}),
    ],
)
async def test_every_harm_is_found(harm: str, found: set[str], tmp_path: Path) -> None:
    """A row or a file that is missing, doubled or damaged is counted as what it is."""
    async with scene(tmp_path) as here:
        await _work(here)
        assert here.count().wrong() == {}
        _break(here, harm)
        assert set(here.count().wrong()) == found
