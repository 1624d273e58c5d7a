"""A process killed with SIGKILL at any step of the road leaves nothing that a restart does not finish."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest

from receiver import acts, registry, worker
from receiver.ledger import duties, jobs, sending
from receiver.ledger.views import JobView
from receiver.wire.orders import Order
from tests.whole.stage import House, open_house
from tests.whole.test_road import whole

GRACE = "receiver.ledger.sending:CALL_GRACE=0.5"
SHORT = {"--only=worker": ["receiver.worker:LEASE=1"], "--only=reconcile": ["receiver.ledger.duties:LEASE=1"]}
"""What a dead process held is free after a second here, and a dead submitter's call is made after half a one."""

SUBMITTER = {
    "the row is about to stand": ("receiver.ledger.ledger:Ledger.opened", "before", 0),
    "the row stands": ("receiver.ledger.ledger:Ledger.opened", "after", 1),
    "before the call": ("receiver.ledger.ledger:Ledger.called", "before", 1),
    "the provider has it": ("submitter.calls:Caller.send", "after", 1),
    "the answer is noted": ("receiver.ledger.ledger:Ledger.noted", "after", 1),
}
"""Step → function, when, and how many jobs must stand (and be delivered) afterwards."""

WEB = {
    "before the callback is verified": ("receiver.road:Road._verified", "before"),
    "before the transaction": ("receiver.ledger.scribes:record_all", "before"),
    "in the transaction": ("receiver.ledger.scribes:record_all", "after"),
    "after COMMIT, before the answer": ("receiver.ledger.ledger:Ledger.record", "after"),
}
UPLOAD = {
    "bytes half written": ("receiver.uploads:_pour", "after"),
    "bytes stored, nothing recorded": ("receiver.uploads:_store", "after"),
    "recorded, not answered": ("receiver.road:Road.upload", "after"),
}
WORKER = {
    "task leased": ("receiver.ledger.ledger:Ledger.leased", "after"),
    "image fetched": ("receiver.fetch:Fetcher.fetch", "after"),
    "before it is settled": ("receiver.ledger.ledger:Ledger.stored", "before"),
    "it is settled": ("receiver.ledger.ledger:Ledger.stored", "after"),
}
RECONCILER = {
    "question taken": ("receiver.ledger.ledger:Ledger.questions", "after"),
    "answer heard": ("submitter.calls:Caller.send", "after"),
    "answer recorded": ("receiver.road:Road.believed", "after"),
}


SENDER = {
    "before the call is claimed": ("receiver.ledger.ledger:Ledger.called", "before"),
    "the provider has it": ("submitter.calls:Caller.send", "after"),
}


class Victim:
    """A process of the house that dies at its step."""

    def __init__(self, house: House, step: tuple[str, str], *command: str, nth: int = 1) -> None:
        self._house = house
        short = [GRACE, *SHORT.get(command[-1], [])]
        self._arguments = [sys.executable, "-m", "tests.whole.killer", *step, str(nth), *short, "--", *command]

    async def __aenter__(self) -> Self:
        environment = os.environ | self._house.environment()
        self.process = await asyncio.create_subprocess_exec(
            *self._arguments, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def dies(self) -> None:
        """Wait for its death, which must have been the SIGKILL that was ordered."""
        async with asyncio.timeout(30):
            assert await self.process.wait() == -signal.SIGKILL


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(duties, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(sending, "CALL_GRACE", timedelta(seconds=0.5))


async def only_job(house: House) -> JobView:
    """The one job of the house, when it has come to its end."""
    (view,) = await house.road.ledger.jobs()
    return await house.ends(house.submitter.job(view.id))


@pytest.mark.parametrize("step", SUBMITTER)
async def test_the_submitter_dies(step: str, tmp_path: Path) -> None:
    """Killed before or after its one call: the reconciler makes the call, or the callback brings the picture."""
    name, when, jobs_left = SUBMITTER[step]
    async with open_house(tmp_path) as house:
        async with Victim(house, (name, when), "submit", "runware", "--prompt", "a donut") as victim:
            await victim.dies()
        assert len(await house.road.ledger.jobs()) == jobs_left
        if jobs_left:
            whole(await only_job(house), 1)
        calls = [job for job in await house.sandbox_jobs() if job["provider"] == "runware"]
    assert len(calls) == jobs_left


@pytest.mark.parametrize("step", WEB)
async def test_the_receiver_dies_with_a_callback_in_hand(step: str, tmp_path: Path) -> None:
    """Killed anywhere before its 200: the provider sends again, and one event and one picture come of it."""
    async with open_house(tmp_path, web=False, time_scale=0.01) as house:
        async with Victim(house, WEB[step], "serve", "--only=web") as victim:
            await house.up()
            job = await house.submitter.submit("fal", prompt="a donut", images=[house.input_picture()], n=2)
            await victim.dies()
        async with house.receiver():
            whole(await house.ends(job), 2)


@pytest.mark.parametrize("step", UPLOAD)
async def test_the_receiver_dies_with_an_upload_in_hand(step: str, tmp_path: Path) -> None:
    """Killed with a PUT half written or unrecorded: nothing half-written stays, and the picture comes."""
    async with open_house(tmp_path, web=False) as house:
        async with Victim(house, UPLOAD[step], "serve", "--only=web") as victim:
            await house.up()
            job = await house.submitter.submit("runware", prompt="a donut", upload=True)
            await victim.dies()
        async with house.receiver():
            whole(await house.ends(job), 1)
    stored = [path for path in (tmp_path / "images").rglob("*") if path.is_file() and ".partial" not in path.parts]
    assert all(len(path.name) == 64 for path in stored)


@pytest.mark.parametrize("step", WORKER)
async def test_the_worker_dies(step: str, tmp_path: Path) -> None:
    """Killed with a task leased, an image fetched or settled: another worker takes over when the lease runs out."""
    async with open_house(tmp_path, busy=False) as house:
        async with Victim(house, WORKER[step], "serve", "--only=worker") as victim:
            job = await house.submitter.submit("runware", prompt="a donut", n=2)
            await victim.dies()
        house.work()
        whole(await house.ends(job), 2)


@pytest.mark.parametrize("step", RECONCILER)
async def test_the_reconciler_dies(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with a question taken or an answer in hand: the question comes back, and is asked again."""
    monkeypatch.setattr(jobs, "QUESTION_LEASE", timedelta(seconds=1))
    async with open_house(tmp_path, busy=False) as house:
        async with Victim(house, RECONCILER[step], "serve", "--only=reconcile") as victim:
            job = await house.submitter.submit("vtrix", prompt="a donut")
            await victim.dies()
        house.work()
        house.reconcile()
        await house.road.ledger.retried(job.id, house.road.clock())
        whole(await house.ends(job), 1)


@pytest.mark.parametrize("step", SENDER)
async def test_the_reconciler_dies_with_an_order_in_hand(step: str, tmp_path: Path) -> None:
    """Killed while it sends what a page ordered: another one finishes it, and the provider is called once."""
    async with open_house(tmp_path, busy=False) as house:
        async with Victim(house, SENDER[step], "serve", "--only=reconcile") as victim:
            await acts.order(house.road, registry.provider("runware"), Order(prompt="a donut"))
            await victim.dies()
        house.work()
        house.reconcile()
        whole(await only_job(house), 1)
        assert len(await house.sandbox_jobs()) == 1
