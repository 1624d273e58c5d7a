"""A provider that documents a way is told; of every other it is said that it cannot be."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from submitter.calls import Caller
from submitter.cancel import Told, tell
from tests.receiver.house import configured

BASE = "https://queue.fal.run"
URL = f"{BASE}/fal-ai/flux-pro/requests/r/cancel"
KEY = "spend-fal-0123456789abcdef"


def job(**given: Any) -> dict[str, Any]:
    row = {
        "id": "j", "provider": "fal", "model": "m", "request_id": "r", "links": {"cancel": URL}, "expected": 1,
        "upload": False, "called_at": datetime.now(UTC),
    }  # fmt: skip
    return row | given


async def told(
    answer: httpx.Response | Exception, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> tuple[Told, list[httpx.Request]]:
    """What is said of the job, and what its provider was asked."""
    asked: list[httpx.Request] = []

    def provider(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setenv("FAL_KEY", KEY)
    caller = Caller(1 << 20, httpx.AsyncClient(transport=httpx.MockTransport(provider)), scale=0.001)
    try:
        return await tell(caller, configured(tmp_path), job(**given)), asked
    finally:
        await caller.aclose()


async def test_fal_is_told(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUT to the URL of the acknowledgement, with the key."""
    said, [request] = await told(httpx.Response(202), tmp_path, monkeypatch)
    assert said.taken
    assert (request.method, str(request.url)) == ("PUT", URL)
    assert request.headers["authorization"] == f"Key {KEY}"


@pytest.mark.parametrize(
    ("answer", "says"),
    [(httpx.Response(400), "HTTP 400"), (httpx.Response(404), "HTTP 404"), (httpx.ConnectError("x"), "could not be")],
)
async def test_fal_says_no(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | Exception, says: str
) -> None:
    """It is done already, knows nothing of it, or is away: a sentence, and no error."""
    said, _ = await told(answer, tmp_path, monkeypatch)
    assert not said.taken
    assert says in said.says


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"provider": "runware"}, "Runware documents no way"),
        ({"provider": "fireworks"}, "documents no way"),
        ({"provider": "gone"}, "no provider gone is installed"),
        ({"request_id": None}, "gave no request id"),
        ({"links": {}}, "gave no address"),
        ({"links": {"cancel": "https://evil.example/cancel"}}, "gave no address"),
        ({"called_at": None}, "never called"),
    ],
)
async def test_nobody_is_told(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], says: str) -> None:
    """No call is made, above all not with the key to another host."""
    said, asked = await told(httpx.Response(202), tmp_path, monkeypatch, **given)
    assert says in said.says
    assert asked == []


async def test_without_a_key(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key is not, it is said so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAL_KEY", raising=False)
    caller = Caller(1 << 20)
    said = await tell(caller, configured(tmp_path), job())
    await caller.aclose()
    assert said == Told(False, "fal.ai could not be told: FAL_KEY is not set; a job at fal.ai needs its key")
