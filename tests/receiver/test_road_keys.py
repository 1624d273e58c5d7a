"""fal's keys on the road: fetched once, fetched again for a new one, served on while their server is down."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from receiver.ledger import tables
from tests.receiver.house import OTHER_SEED, SEED, House, opened, public
from tests.receiver.keyserver import jwk, jwks


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as made:
        yield made


async def test_the_keys_are_fetched_once(house: House) -> None:
    """Many callbacks at once and after one another ask the key server a single time."""
    jobs = [await house.place() for _ in range(5)]
    said = await asyncio.gather(*map(house.fal, jobs))
    house.clock.ahead(hours=1)
    said.append(await house.fal(await house.place()))
    assert [each.status_code for each in said] == [200] * 6
    assert len(house.keys.asked) == 1


async def test_a_new_key_is_fetched_when_it_is_needed(house: House) -> None:
    """A signature by a key that fal has just published is believed, with one more question."""
    await house.fal(await house.place())
    house.clock.ahead(minutes=2)
    house.keys.answer = jwks(jwk(public(SEED), kid="fal-1"), jwk(public(OTHER_SEED), kid="fal-2"))
    assert (await house.fal(await house.place(), seed=OTHER_SEED)).status_code == 200
    assert [row["key_id"] for row in house.rows(tables.delivery)] == ["fal-1", "fal-2"]
    assert {row["public"] for row in house.rows(tables.key)} == {public(SEED), public(OTHER_SEED)}
    assert len(house.keys.asked) == 2


async def test_a_flood_of_forgeries_asks_once_a_minute(house: House) -> None:
    """What no key signed is 401, and leads to one question a minute, however much of it comes."""
    job = await house.place()
    await house.fal(job)
    house.clock.ahead(minutes=2)
    for _ in range(2):
        said = await asyncio.gather(*(house.fal(job, seed=OTHER_SEED) for _ in range(10)))
        assert {each.status_code for each in said} == {401}
    assert len(house.keys.asked) == 2
    house.clock.ahead(seconds=61)
    await house.fal(job, seed=OTHER_SEED)
    assert len(house.keys.asked) == 3


@pytest.mark.parametrize(
    "answer", [httpx.ConnectError("down"), httpx.Response(500), httpx.Response(200, text="<html>")]
)
async def test_stale_keys_are_served_on(house: House, answer: httpx.Response | Exception) -> None:
    """Days after the key server went down its last keys still verify; what they did not sign is refused."""
    await house.fal(await house.place())
    house.keys.answer = answer
    house.clock.ahead(days=3)
    assert (await house.fal(await house.place())).status_code == 200
    assert (await house.fal(await house.place(), seed=OTHER_SEED)).json()["error"] == "unknown_key"


async def test_the_first_callback_after_the_server_is_back(house: House) -> None:
    """A delivery that was put off for want of keys is believed when it comes again."""
    job, working = await house.place(), house.keys.answer
    house.keys.answer = httpx.ConnectError("down")
    assert (await house.fal(job)).status_code == 503
    house.keys.answer = working
    house.clock.ahead(seconds=30)
    assert (await house.fal(job)).json() == {"duplicate": False}
