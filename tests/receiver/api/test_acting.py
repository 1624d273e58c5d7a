import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.errors import NoSuchDelivery
from receiver.road import Road
from receiver.storage import open_storage
from tests.objects import ACCOUNT
from tests.receiver.api.backends import EVERYWHERE
from tests.receiver.api.documented import follow
from tests.receiver.house import opened
from tests.receiver.pages.seeding import Seed

TOKEN = {"authorization": "Bearer a token for people"}


@EVERYWHERE
async def test_a_dead_letter_is_taken_up_again(program: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """`retry` says how many images and questions it revived; a second time there is nothing left."""
    job_id = await seed.opened()
    await seed.came(job_id)
    await seed.buried(job_id, "403 from the provider's host")
    answer = await program.post(f"/api/v1/jobs/{job_id}/retry")
    assert answer.json() == {"id": job_id, "status": "succeeded", "retried": 1, "images": 1, "asked": False}
    assert (await road.ledger.job(job_id)).images[0].state == "announced"
    assert (await program.post(f"/api/v1/jobs/{job_id}/retry")).json()["retried"] == 0


@EVERYWHERE
async def test_a_job_is_cancelled_once(program: httpx.AsyncClient, seed: Seed) -> None:
    """`cancel` answers with the job; a job that has an end is a conflict, in words."""
    job_id = await seed.opened()
    assert (await program.post(f"/api/v1/jobs/{job_id}/cancel")).json()["status"] == "cancelled"
    again = await program.post(f"/api/v1/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["error"]) == (409, "impossible")


@pytest.mark.parametrize("path", ["jobs/{}/retry", "jobs/{}/cancel", "deliveries/{}/redeliver"])
async def test_acting_on_nothing_is_404(program: httpx.AsyncClient, path: str) -> None:
    """What is not there cannot be acted on."""
    for name in (str(uuid.uuid4()), "x"):
        answer = await program.post(f"/api/v1/{path.format(name)}")
        assert (answer.status_code, answer.json()["error"][:8]) == (404, NoSuchDelivery.slug[:8])


@EVERYWHERE
async def test_a_delivery_is_run_again(tmp_path: Path, kept: dict[str, Any]) -> None:
    """What comes of it is the answer: refused for the clock of then, or known already; all of it as documented."""
    async with opened(tmp_path, open_storage(kept["storage_url"], ACCOUNT), **kept) as house:
        client = house.client
        client.headers.update(TOKEN)
        client.event_hooks["response"] = [follow]
        stale, good = await house.place(), await house.place()
        assert (await house.fal(stale, timestamp="1")).status_code == 401
        assert (await house.fal(good)).status_code == 200
        listed = (await client.get("/api/v1/deliveries")).json()["deliveries"]
        first, second = (next(each["id"] for each in listed if each["job_id"] == job.id) for job in (stale, good))
        refused = (await client.post(f"/api/v1/deliveries/{first}/redeliver")).json()
        assert (refused["id"], refused["refused"]["error"]) == (first, "stale_timestamp")
        known = (await client.post(f"/api/v1/deliveries/{second}/redeliver")).json()
        assert known == {"id": second, "delivery_id": None, "duplicate": True, "refused": None}
