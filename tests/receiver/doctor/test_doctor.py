"""All checks at once, in time, whatever one of them does; key servers and the clock."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from receiver import doctor, registry
from receiver.doctor import Check, checks, inside, keys
from receiver.storage import Memory
from tests.receiver.doctor.front import Authority, front, near
from tests.receiver.hosting import answer
from tests.receiver.keyserver import ONE, jwk

KEYS = json.dumps({"keys": [jwk(ONE)]}).encode()


async def test_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is unknown when the time is over; what breaks is unknown at once; the rest is told."""

    async def hangs(*_: object) -> Sequence[Check]:
        await asyncio.Event().wait()
        raise AssertionError

    async def breaks(*_: object) -> Sequence[Check]:
        raise LookupError("a defect of ours")

    monkeypatch.setattr(doctor, "ALL", 0.2)
    monkeypatch.setattr(doctor.outside, "checks", hangs)
    monkeypatch.setattr(inside, "disk", breaks)
    began = time.monotonic()
    found = {each.name: each for each in await checks(near(tmp_path, "https://localhost:9"), None, Memory())}
    assert time.monotonic() - began < 5
    assert found["public URL"].state == "unknown"
    assert "within" in found["public URL"].says
    assert found["disk"].state == "unknown"
    assert "LookupError" in found["disk"].says
    assert (found["secrets"].state, found["storage"].state) == ("good", "good")
    assert "database" not in found


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(KEYS), "good"),
        (answer(b'{"keys": []}'), "bad"),
        (answer(b"<html>"), "bad"),
        (answer(KEYS, 500), "bad"),
        (b"", "bad"),
    ],
)
async def test_key_servers(tmp_path: Path, said: bytes, state: str) -> None:
    """Keys, or none: then nothing of that provider verifies."""
    async with front(lambda _path, _count: said) as port:
        settings = near(tmp_path, "https://x.example", fal_jwks_url=f"http://127.0.0.1:{port}/jwks")
        found = await keys.checks(settings, [registry.provider("fal")], Authority(tmp_path).trust)
    assert (found[0].name, found[0].state) == ("keys of fal", state)
    assert found[1] == Check("clock", "unknown", found[1].says)
    assert bool(found[0].mend) == (state == "bad")


@pytest.mark.parametrize(
    ("ahead", "state"), [(0, "good"), (60, "good"), (-200, "bad"), (200, "bad"), (None, "unknown")]
)
async def test_the_clock(tmp_path: Path, ahead: int | None, state: str) -> None:
    """Against the key server's Date; bad from half of TIMESTAMP_TOLERANCE on, and no date leaves it unknown."""
    at = datetime.now(UTC) + timedelta(seconds=ahead or 0)
    date = {"Date": format_datetime(at, usegmt=True) if ahead is not None else "yesterday"}
    async with front(lambda _path, _count: answer(KEYS, **date)) as port:  # type: ignore[arg-type]
        settings = near(tmp_path, "https://x.example", fal_jwks_url=f"http://127.0.0.1:{port}/jwks")
        found = await keys.checks(settings, [registry.provider("fal")], Authority(tmp_path).trust)
    assert (found[1].name, found[1].state) == ("clock", state)


async def test_without_key_servers(tmp_path: Path) -> None:
    """Nothing is asked, nothing is said."""
    assert await keys.checks(near(tmp_path, "https://x.example"), [], Authority(tmp_path).trust) == []
