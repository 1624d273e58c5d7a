import re

import httpx
import pytest

from receiver.errors import BadSignature
from receiver.road import Road
from tests.receiver.pages.seeding import Seed


async def token(browser: httpx.AsyncClient, where: str) -> str:
    match = re.search(r'name="form_token" value="([^"]+)"', (await browser.get(where)).text)
    assert match
    return match[1]


async def press(browser: httpx.AsyncClient, page: str, action: str) -> httpx.Response:
    return await browser.post(action, data={"form_token": await token(browser, page)})


async def test_a_dead_letter_is_retried(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """The button revives it, and the page that follows says what was done."""
    job_id = await seed.opened()
    await seed.came(job_id)
    await seed.buried(job_id, "403")
    assert f'action="/jobs/{job_id}/retry"' in (await browser.get(f"/jobs/{job_id}")).text
    response = await press(browser, f"/jobs/{job_id}", f"/jobs/{job_id}/retry")
    assert (response.status_code, response.headers["location"]) == (303, f"/jobs/{job_id}?did=retry")
    assert (await road.ledger.job(job_id)).images[0].state == "announced"
    page = (await browser.get(response.headers["location"])).text
    assert 'role="status">Taken up again' in page
    assert f'action="/jobs/{job_id}/retry"' not in page


async def test_a_job_on_its_way_is_cancelled(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Once; a second time there is nothing to cancel, which is said in words."""
    job_id = await seed.opened()
    action = f"/jobs/{job_id}/cancel"
    given = {"form_token": await token(browser, f"/jobs/{job_id}")}
    assert (await browser.post(action, data=given)).status_code == 303
    assert (await road.ledger.job(job_id)).status == "cancelled"
    again = await browser.post(action, data=given)
    assert again.status_code == 409
    assert "there is nothing to cancel" in again.text
    assert action not in (await browser.get(f"/jobs/{job_id}")).text


async def test_a_delivery_is_run_again(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """What comes of it has a page of its own."""
    job_id = await seed.opened("runware")
    body = b'{"data":[{"taskUUID":"%b","imageUUID":"a","imageURL":"https://im.runware.ai/a.png"}]}' % job_id.encode()
    await seed.came(job_id, "runware", refusal=BadSignature("by mistake"), body=body)
    first = (await road.ledger.job(job_id)).deliveries[0].id
    response = await press(browser, f"/deliveries/{first}", f"/deliveries/{first}/redeliver")
    assert response.status_code == 303
    assert first not in response.headers["location"]
    assert "this is the delivery that came of it" in (await browser.get(response.headers["location"])).text
    assert len((await road.ledger.job(job_id)).deliveries) == 2


@pytest.mark.parametrize("what", ["retry", "cancel", "redeliver"])
async def test_nothing_is_done_without_the_form(browser: httpx.AsyncClient, seed: Seed, road: Road, what: str) -> None:
    """Another site's form has no token of this session; a look does nothing."""
    job_id = await seed.opened()
    await seed.came(job_id, refusal=BadSignature("no"))
    delivery = (await road.ledger.job(job_id)).deliveries[0].id
    action = f"/deliveries/{delivery}/redeliver" if what == "redeliver" else f"/jobs/{job_id}/{what}"
    for given in ({}, {"form_token": "x"}):
        assert (await browser.post(action, data=given)).status_code == 403
    assert (await browser.get(action)).status_code in {404, 405}
    assert (await road.ledger.job(job_id)).status == "submitted"
    unknown = "5f0c8a52-6d1e-4b7a-9c36-0e2f4a1b8d97"
    gone = action.replace(job_id, unknown).replace(delivery, unknown)
    assert (await press(browser, f"/jobs/{job_id}", gone)).status_code == 404


async def test_what_was_done_is_one_of_our_sentences(browser: httpx.AsyncClient, seed: Seed) -> None:
    """An address cannot put words into the page."""
    job_id = await seed.opened()
    page = (await browser.get(f"/jobs/{job_id}?did=You+have+won")).text
    assert "You have won" not in page
    assert 'role="status"' not in page
