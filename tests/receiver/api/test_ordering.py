"""Ordering through the API: a row for the reconciler to send, or a problem that says what is wrong with the order."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.road import Road
from tests.receiver.api.conftest import VIEWER
from tests.receiver.pages.seeding import Clock, png

ORDER: dict[str, Any] = {"provider": "runware", "prompt": "a donut"}
URI = f"data:image/png;base64,{base64.b64encode(png()).decode()}"


async def test_an_order_is_a_row_that_is_due_at_once(program: httpx.AsyncClient, road: Road, clock: Clock) -> None:
    """202, the job and where it is; every name of `submit` reaches the order, and nothing is called from here."""
    seed = str(2**63 - 100)
    given = {
        "images": [URI, "https://pictures.example/in.png"], "seed": seed, "aspect_ratio": "16:9",
        "output_format": "png", "n": 2, "safety": 2, "upload": True, "tags": {"shelf": "spring"},
        "params": {"ttl": 600},
    }  # fmt: skip
    answer = await program.post("/api/v1/jobs", json=ORDER | given)
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/jobs/{job['id']}"), job
    assert (job["status"], job["tags"], job["params"]["seed"]) == ("pending", {"shelf": "spring"}, seed)
    assert (await program.get(answer.headers["location"])).json() == job
    [row] = await road.ledger.unsent(clock.now)
    kept = row["order_json"]
    assert (row["id"], row["called_at"], row["expected"], row["upload"]) == (job["id"], None, 2, True)
    assert (kept["prompt"], kept["seed"], kept["safety"], kept["count"]) == ("a donut", int(seed), 2, 2)
    assert await road.storage.get(kept["images"][0]["sha256"]) == png()
    assert kept["images"][1] == {"url": "https://pictures.example/in.png"}


async def test_a_key_is_one_job(program: httpx.AsyncClient, road: Road) -> None:
    """The same key again, in the field or the header, is the same job with 200; with another order a conflict."""
    first = await program.post("/api/v1/jobs", json=ORDER | {"idempotency_key": "k"})
    again = await program.post("/api/v1/jobs", json=ORDER, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    other = await program.post("/api/v1/jobs", json=ORDER | {"prompt": "a bagel"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]) == (409, "key_reused")
    two = await program.post("/api/v1/jobs", json=ORDER | {"idempotency_key": "k"}, headers={"Idempotency-Key": "l"})
    assert two.status_code == 400
    assert len(await road.ledger.jobs()) == 1


@pytest.mark.parametrize(
    ("body", "slug", "says"),
    [
        ("{", "malformed", "not a JSON object"),
        ("[]", "malformed", "the order: "),
        (b'{"provider": "\xff"}', "malformed", "not a JSON object"),
        ("[" * 100_000, "malformed", "not a JSON object"),
        ({}, "malformed", "provider: Field required"),
        (ORDER | {"strength": 1}, "malformed", "strength: "),
        (ORDER | {"seed": 1.5}, "malformed", "seed"),
        (ORDER | {"seed": "0x7"}, "malformed", "seed"),
        (ORDER | {"n": True}, "malformed", "n: "),
        (ORDER | {"provider": "nobody"}, "bad_order", "there is no provider 'nobody'; there are: fal, "),
        (ORDER | {"prompt": None}, "bad_order", "positivePrompt (prompt) is missing"),
        (ORDER | {"provider": "vtrix", "n": 3}, "bad_order", "leave out n"),
        (ORDER | {"params": {"strenght": 1}}, "bad_order", "there is no parameter strenght"),
        (ORDER | {"images": ["data:image/png;base64,aGVsbG8="]}, "bad_order", "not a JPEG, PNG or WebP"),
        (ORDER | {"params": {"x": "\ud800"}}, "bad_order", "no Unicode"),
        (ORDER | {"prompt": "a\0b"}, "bad_order", "NUL"),
        (ORDER | {"tags": {"a": "\ud800"}}, "malformed", "tags.a: "),
        ('{"provider": "runware", "prompt": "x", "params": {"CFGScale": NaN}}', "bad_order", "JSON has no such"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_order_is_a_sentence(
    program: httpx.AsyncClient, road: Road, body: Any, slug: str, says: str
) -> None:
    """400 with its slug, in the words of this door, and nothing is written."""
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    answer = await program.post("/api/v1/jobs", content=sent)
    assert (answer.status_code, answer.json()["error"]) == (400, slug), answer.text
    assert says in answer.json()["detail"]
    assert await road.ledger.jobs() == []


@pytest.mark.parametrize("name", ["kitchen.png", "./kitchen.png", "file://{}/kitchen.png", "{}/kitchen.png", "~"])
async def test_no_file_of_ours_is_opened(program: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    """A path is no picture here, though the file is there and the process could read it: its bytes go nowhere."""
    (tmp_path / "kitchen.png").write_bytes(png())  # where this process works
    answer = await program.post("/api/v1/jobs", json=ORDER | {"images": [name.format(tmp_path)]})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_order")
    assert "write a URL" in answer.json()["detail"]


async def test_too_much_is_413(program: httpx.AsyncClient, road: Road) -> None:
    """A body over MAX_BODY_BYTES is not read to its end."""

    async def endless() -> Any:
        for _ in range(1 + int(road.settings.max_body_bytes) // 2**20):
            yield b" " * 2**20
        yield b"{}"

    answer = await program.post("/api/v1/jobs", content=endless())
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_viewer_orders_nothing(stranger: httpx.AsyncClient, road: Road) -> None:
    """VIEWER_TOKEN looks; ordering spends."""
    answer = await stranger.post("/api/v1/jobs", json=ORDER, headers={"authorization": f"Bearer {VIEWER}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "viewer")
    assert await road.ledger.jobs() == []
