"""The whole road in one process: desk, sandbox of every provider, receiver, reconciler. No answer here is ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.app import create_app
from submitter.sandbox.app import create_sandbox
from submitter.sandbox.world import World
from tests.submitter.desk import ALL, ORDERS, Clock, House, open_house

BASE = "http://sandbox.test"
FASTER = 0.0005
LONG = 20.0


@asynccontextmanager
async def sandbox_house(folder: Path, **faults: int) -> AsyncIterator[tuple[House, World]]:
    """A house whose providers are the sandbox, which calls back at the house's own receiver."""
    doors: list[httpx.AsyncClient] = []

    async def outside(request: httpx.Request) -> httpx.Response:
        return await doors[0].request(
            request.method, request.url, headers=request.headers, content=await request.aread()
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(outside)) as outbound:
        app = create_sandbox(BASE, time_scale=FASTER, faults=faults, outbound=outbound)
        world: World = app.state.world
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
        addresses: dict[str, Any] = {f"{name}_url": f"{BASE}/{name}" for name in ALL}
        async with open_house(folder, client=client, clock=Clock(runs=True), **addresses) as house:
            transport = httpx.ASGITransport(app=create_app(road=house.road))
            async with httpx.AsyncClient(transport=transport) as door:
                doors.append(door)
                yield house, world
                await world.close()


async def _ended(house: House, world: World, name: str, **order: Any) -> str:
    """A job, sent, until nobody has anything more to say."""
    job_id = await house.submit(name, **{**ORDERS[name], **order})
    async with asyncio.timeout(LONG):
        await world.idle()
        house.clock.forward(150)
        await house.reconcile()
    return job_id


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fault", ["", "early", "duplicate", "refuse_429", "refuse_503"])
async def test_every_provider_brings_its_picture(tmp_path: Path, name: str, fault: str) -> None:
    """Early, doubled, after being busy: each provider's job succeeds once, with one image and one call taken."""
    async with sandbox_house(tmp_path, **({fault: 1} if fault else {})) as (house, world):
        job = await house.job(await _ended(house, world, name))

        assert (job.status, len(job.images), job.error) == ("succeeded", 1, None)
        assert len(world.jobs) == 1


@pytest.mark.parametrize("name", ALL)
async def test_a_lost_answer_is_not_sent_again(tmp_path: Path, name: str) -> None:
    """The job was taken and its acknowledgement lost: one job at the provider, and a callback or question ends it."""
    async with sandbox_house(tmp_path, no_answer=1) as (house, world):
        job_id = await _ended(house, world, name)

        assert len(world.jobs) == 1
        assert (await house.job(job_id)).status == ("pending" if name == "vtrix" else "succeeded")


@pytest.mark.parametrize("name", ["fal", "fireworks", "runware"])
async def test_a_lost_callback_is_asked_about(tmp_path: Path, name: str) -> None:
    """No callback ever comes: the question brings the picture."""
    async with sandbox_house(tmp_path, lost=1) as (house, world):
        job = await house.job(await _ended(house, world, name))

        assert (job.status, [one.scheme for one in job.deliveries]) == ("succeeded", ["asked"])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("word", ["fail", "moderate"])
async def test_a_failure_is_the_providers_own(tmp_path: Path, name: str, word: str) -> None:
    """A job that the provider could not or would not do has failed, with a code and a message."""
    async with sandbox_house(tmp_path) as (house, world):
        job = await house.job(await _ended(house, world, name, prompt=f"a donut [{word}]"))

        assert (job.status, job.images) == ("failed", ())
        assert job.error is not None
        assert all(job.error.values())


@pytest.mark.parametrize("fault", ["payload_error", "null_payload"])
async def test_fal_is_asked_what_it_could_not_say(tmp_path: Path, fault: str) -> None:
    """A callback without its payload is asked about, and the answer brings the picture."""
    async with sandbox_house(tmp_path, **{fault: 1}) as (house, world):
        job = await house.job(await _ended(house, world, "fal"))

        assert (job.status, sorted(one.kind for one in job.deliveries)) == ("succeeded", ["answer", "hook"])


async def test_fal_may_refuse_late(tmp_path: Path) -> None:
    """An input that fal takes, and refuses in the callback, has failed in fal's words."""
    async with sandbox_house(tmp_path, late_422=1) as (house, world):
        order = {"images": [], "params": {"image_url": "ftp://example.test/in.png"}}
        job = await house.job(await _ended(house, world, "fal", **order))

        assert (job.status, job.error and job.error["code"]) == ("failed", "value_error")


async def test_vtrix_in_the_words_of_its_manual(tmp_path: Path) -> None:
    """`task_id`, `pending` and `processing` bring the picture and its price."""
    async with sandbox_house(tmp_path, cli_words=1) as (house, world):
        job = await house.job(await _ended(house, world, "vtrix"))

        assert (job.status, len(job.images)) == ("succeeded", 1)
        assert job.cost_usd is not None
