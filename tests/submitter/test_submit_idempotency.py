"""An idempotency key: the same job however often and however parallel it is asked for, and one POST."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from receiver.errors import BadOrder
from tests.submitter.desk import ALL, acknowledge, open_house, picture, say, script


@pytest.mark.parametrize("name", ALL)
async def test_the_same_key_twice_is_one_job(tmp_path: Path, name: str) -> None:
    """A second order with the same key is the first one's job, and nothing is sent."""
    async with open_house(tmp_path, script(acknowledge)) as house:
        first = await house.submit(name, idempotency_key="k")
        second = await house.submit(name, idempotency_key="k")

        assert first == second
        assert (len(house.rows("job")), len(house.wire.requests)) == (1, 1)


async def test_twenty_at_once_are_one_post(tmp_path: Path) -> None:
    """Parallel orders with one key, pictures and all, make one row and one call."""
    async with open_house(tmp_path, script(acknowledge)) as house:
        (tmp_path / "in.png").write_bytes(picture())
        order: dict[str, Any] = {"images": [tmp_path / "in.png"], "idempotency_key": "k"}

        ids = await asyncio.gather(*(house.submit("fal", **order) for _ in range(20)))

        assert len(set(ids)) == len(house.rows("job")) == len(house.wire.requests) == 1


@pytest.mark.parametrize(
    "other", [{"prompt": "a bagel"}, {"seed": 1}, {"n": 2}, {"params": {"sync_mode": True}}, {"images": ["data"]}]
)
async def test_the_key_of_another_order_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    """One key for two orders is a mistake, whatever part of the order differs."""
    if "images" in other:
        (tmp_path / "data").write_bytes(picture("red"))
    async with open_house(tmp_path, script(acknowledge)) as house:
        await house.submit("fal", idempotency_key="k")

        with pytest.raises(BadOrder, match="--idempotency-key"):
            await house.submit("fal", idempotency_key="k", **other)

        assert (len(house.rows("job")), len(house.wire.requests)) == (1, 1)


async def test_the_key_of_another_provider_is_refused(tmp_path: Path) -> None:
    """The same words to another provider are another order."""
    async with open_house(tmp_path, script(acknowledge)) as house:
        await house.submit("vtrix", idempotency_key="k")

        with pytest.raises(BadOrder, match="--idempotency-key"):
            await house.submit("fireworks", idempotency_key="k")


async def test_without_a_key_each_order_is_a_job(tmp_path: Path) -> None:
    """Two orders alike are two jobs."""
    async with open_house(tmp_path, script(acknowledge, acknowledge)) as house:
        assert await house.submit("fireworks") != await house.submit("fireworks")


async def test_a_key_keeps_a_failed_job(tmp_path: Path) -> None:
    """The same key never spends again: a refused job stays the answer."""
    async with open_house(tmp_path, script(say({"message": "no money"}, 403))) as house:
        first = await house.submit("vtrix", idempotency_key="k")

        assert await house.submit("vtrix", idempotency_key="k") == first
        assert (await house.job(first)).status == "failed"
