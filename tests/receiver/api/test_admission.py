import httpx
import pytest

from receiver.api.operations import AT, OPERATIONS
from tests.receiver.api.conftest import VIEWER
from tests.receiver.pages.seeding import ADMIN, Clock, Seed

JOB = "00000000-0000-4000-8000-000000000000"


def addresses() -> list[tuple[str, str]]:
    return [(each.method, f"{AT}{each.path}".replace("{id}", JOB).replace("{n}", "1")) for each in OPERATIONS]


@pytest.mark.parametrize(("method", "path"), [*addresses(), ("GET", f"{AT}/openapi.json")])
async def test_nothing_is_told_without_a_token(stranger: httpx.AsyncClient, method: str, path: str) -> None:
    """Every route, the document too: 401 with the challenge of RFC 6750, whatever was asked."""
    answer = await stranger.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (401, "no_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="proofhook"'


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ("Bearer wrong", "wrong_token"), (f"Bearer {ADMIN}x", "wrong_token"), ("Bearer é", "wrong_token"),
        (f"Basic {ADMIN}", "no_token"), (ADMIN, "no_token"), ("Bearer ", "no_token"), ("", "no_token"),
    ],
)  # fmt: skip
async def test_a_wrong_token_is_401(stranger: httpx.AsyncClient, given: str, slug: str) -> None:
    """Anything but Bearer and a token of ours; a wrong one is called invalid, as RFC 6750 has it."""
    answer = await stranger.get("/api/v1/now", headers=[(b"authorization", given.encode())])
    assert (answer.status_code, answer.json()["error"]) == (401, slug)
    assert ('error="invalid_token"' in answer.headers["www-authenticate"]) == (slug == "wrong_token")


async def test_two_tokens_are_none(stranger: httpx.AsyncClient) -> None:
    """A header that stands there twice is nobody's word."""
    twice = [("authorization", f"Bearer {ADMIN}"), ("authorization", f"Bearer {ADMIN}")]
    assert (await stranger.get("/api/v1/now", headers=twice)).status_code == 401


@pytest.mark.parametrize("given", [f"Bearer {ADMIN}", f"bearer  {ADMIN}", f"Bearer {VIEWER}"])
async def test_either_token_reads(stranger: httpx.AsyncClient, given: str) -> None:
    """The scheme's name has no case, and a viewer may see everything."""
    assert (await stranger.get("/api/v1/now", headers={"authorization": given})).status_code == 200


async def test_a_viewer_does_not_act(stranger: httpx.AsyncClient, seed: Seed) -> None:
    """Every action is 403 to VIEWER_TOKEN, and nothing is changed."""
    job_id = await seed.opened()
    stranger.headers["authorization"] = f"Bearer {VIEWER}"
    for path in (f"jobs/{job_id}/retry", f"jobs/{job_id}/cancel", f"deliveries/{JOB}/redeliver"):
        answer = await stranger.post(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["error"]) == (403, "viewer")
    assert (await stranger.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "submitted"


async def test_wrong_tokens_are_throttled(stranger: httpx.AsyncClient, clock: Clock) -> None:
    """After ten within a minute even the right one has to wait, and is told how long; no token is no try."""
    for _ in range(12):
        assert (await stranger.get("/api/v1/now")).status_code == 401
    for _ in range(10):
        assert (await stranger.get("/api/v1/now", headers={"authorization": "Bearer wrong"})).status_code == 401
    answer = await stranger.get("/api/v1/now", headers={"authorization": f"Bearer {ADMIN}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    clock.on(seconds=60)
    assert (await stranger.get("/api/v1/now", headers={"authorization": f"Bearer {ADMIN}"})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "now", "GET, HEAD"), ("DELETE", f"jobs/{JOB}", "GET, HEAD"), ("GET", f"jobs/{JOB}/retry", "POST"),
        ("HEAD", f"jobs/{JOB}/retry", "POST"), ("OPTIONS", "jobs", "GET, HEAD, POST"), ("BREW", "now", "GET, HEAD"),
        ("PUT", "events", "GET, HEAD"), ("TRACE", "openapi.json", "GET, HEAD"),
    ],
)  # fmt: skip
async def test_other_methods_are_405(program: httpx.AsyncClient, method: str, path: str, allow: str) -> None:
    """Every other method, made-up ones too, is told which there are; nothing is opened to pages of another origin."""
    answer = await program.request(method, f"/api/v1/{path}", headers={"origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/jobs/", "/api/v2/jobs", "/api/v1//jobs"])
async def test_other_addresses_are_404(program: httpx.AsyncClient, path: str) -> None:
    """Nothing redirects to something near: a program is told that there is nothing."""
    answer = await program.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["error"] == "unknown_endpoint"


@pytest.mark.parametrize("path", ["jobs", "now", "deliveries", "events", "openapi.json"])
async def test_head_is_get_without_a_body(program: httpx.AsyncClient, path: str) -> None:
    """The same headers, and no byte behind them; of events only how they would begin."""
    answer = await program.head(f"/api/v1/{path}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
