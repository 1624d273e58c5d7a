import asyncio
from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from receiver.errors import KeysUnavailable
from tests.receiver.keyserver import FAL, JOB, NOW, ONE, TWO, Server, jwk, jwks, materials, ring

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


async def test_key_server() -> None:
    """Keys come from fal's own address with their kid, the tolerance and the settings that the provider names."""
    server = Server(jwks(jwk(ONE, kid="k1", use="sig"), jwk(TWO)))
    async with ring(server, {"FAL_USER_ID": "u", "OTHER": "x"}) as keyring:
        trust = await keyring.trust(FAL, JOB, NOW)

    assert [(key.id, key.material, key.seen_at) for key in trust.keys] == [
        ("k1", ONE, NOW),
        ("ed25519:75877bb4", TWO, NOW),
    ]
    assert (trust.tolerance, trust.options) == (timedelta(seconds=77), {"FAL_USER_ID": "u"})
    assert str(server.asked[0].url) == "https://rest.fal.ai/.well-known/jwks.json"


@pytest.mark.parametrize(
    ("cache_control", "fresh"),
    [
        ("", 24 * HOUR),
        ("public, max-age=3600", HOUR),
        ("max-age=1", MINUTE),
        ("max-age=999999999", 24 * HOUR),
        ("s-maxage=60", 24 * HOUR),
        ("max-age=junk", 24 * HOUR),
    ],
)
async def test_kept_for_a_day_at_most(cache_control: str, fresh: timedelta) -> None:
    """A set is kept for its max-age, between a minute and a day, and asked for again after that."""
    answer = jwks(jwk(ONE))
    answer.headers["cache-control"] = cache_control
    server = Server(answer)
    async with ring(server) as keyring:
        for now, times in ((NOW, 1), (NOW + fresh - SECOND, 1), (NOW + fresh, 2)):
            assert await materials(keyring, now) == [ONE]
            assert len(server.asked) == times


async def test_one_fetch_for_all() -> None:
    """Deliveries that come together share one fetch."""
    server = Server(jwks(jwk(ONE)))
    server.gate = asyncio.Event()
    async with ring(server) as keyring:
        tasks = [asyncio.create_task(materials(keyring)) for _ in range(50)]
        await asyncio.sleep(0)
        server.gate.set()

        assert await asyncio.gather(*tasks) == [[ONE]] * 50
    assert len(server.asked) == 1


async def test_a_fetch_called_off() -> None:
    """A caller who goes away in mid-fetch takes nobody's keys along."""
    server = Server(jwks(jwk(ONE)))
    server.gate = asyncio.Event()
    async with ring(server) as keyring:
        first = asyncio.create_task(materials(keyring))
        second = asyncio.create_task(materials(keyring))
        await asyncio.sleep(0)
        first.cancel()
        server.gate.set()

        assert await second == [ONE]


async def test_refetch_on_a_miss() -> None:
    """A new key is fetched on the first miss; the miss after it waits for the cooldown, shared by all."""
    server = Server(jwks(jwk(ONE)))
    async with ring(server) as keyring:
        await keyring.trust(FAL, JOB, NOW)
        server.answer = jwks(jwk(ONE), jwk(TWO))

        assert await keyring.refreshed(FAL, JOB, NOW + MINUTE - SECOND) is None
        trust = await keyring.refreshed(FAL, JOB, NOW + MINUTE)
        assert trust is not None
        assert [key.material for key in trust.keys] == [ONE, TWO]
        assert await keyring.refreshed(FAL, None, NOW + 2 * MINUTE - SECOND) is None
        assert len(server.asked) == 2


async def test_misses_together() -> None:
    """All who miss at once wait for the one refetch, and all get the new key."""
    server = Server(jwks(jwk(ONE)))
    async with ring(server) as keyring:
        await keyring.trust(FAL, JOB, NOW)
        server.answer, server.gate = jwks(jwk(TWO)), asyncio.Event()
        tasks = [asyncio.create_task(keyring.refreshed(FAL, JOB, NOW + HOUR)) for _ in range(50)]
        await asyncio.sleep(0)
        server.gate.set()
        found = await asyncio.gather(*tasks)

    assert {key.material for trust in found if trust for key in trust.keys} == {TWO}
    assert None not in found
    assert len(server.asked) == 2


async def test_nothing_new() -> None:
    """A refetch that brings no new key brings nothing: forged signatures are not verified twice."""
    server = Server(jwks(jwk(ONE), jwk(TWO)))
    async with ring(server) as keyring:
        await keyring.trust(FAL, JOB, NOW)
        server.answer = jwks(jwk(ONE))

        assert await keyring.refreshed(FAL, JOB, NOW + HOUR) is None
        assert await materials(keyring, NOW + HOUR) == [ONE]


async def test_stale_keys_are_served() -> None:
    """While the key server is down the old keys are good, it is asked once a minute, and the log says it once."""
    server = Server(jwks(jwk(ONE)))
    async with ring(server) as keyring:
        await keyring.trust(FAL, JOB, NOW)
        server.answer = httpx.ConnectError("no route")
        with capture_logs() as logs:
            for seconds in range(0, 121, 10):
                assert await materials(keyring, NOW + 24 * HOUR + seconds * SECOND) == [ONE]
        assert len(server.asked) == 1 + 3
        assert [(line["event"], line["host"], line["held"]) for line in logs] == [
            ("keys.unavailable", "rest.fal.ai", 1)
        ]

        server.answer = jwks(jwk(TWO))
        with capture_logs() as logs:
            assert await materials(keyring, NOW + 25 * HOUR) == [TWO]
        assert [line["event"] for line in logs] == ["keys.back"]


async def test_stale_keys_do_not_wait() -> None:
    """While one delivery waits for the key server, others are verified with the keys there are."""
    server = Server(jwks(jwk(ONE)))
    async with ring(server) as keyring:
        await keyring.trust(FAL, JOB, NOW)
        server.answer, server.gate = jwks(jwk(TWO)), asyncio.Event()
        waiting = asyncio.create_task(materials(keyring, NOW + 25 * HOUR))
        await asyncio.sleep(0)

        assert await materials(keyring, NOW + 25 * HOUR) == [ONE]
        server.gate.set()
        assert await waiting == [TWO]


async def test_no_keys_at_all() -> None:
    """Without keys the sender is told to try later; a flood of deliveries is no flood at the key server."""
    server = Server(httpx.ReadTimeout("slow"))
    async with ring(server) as keyring:
        with capture_logs() as logs:
            for seconds in (0, 1, 9, 10, 19):
                with pytest.raises(KeysUnavailable):
                    await keyring.trust(FAL, JOB, NOW + seconds * SECOND)
        assert len(server.asked) == 2
        assert len(logs) == 1

        server.answer = jwks(jwk(ONE))
        assert await materials(keyring, NOW + 20 * SECOND) == [ONE]
