import ast
import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.types import Message

import submitter.sandbox
from submitter.sandbox.app import create_sandbox

from .stage import DEADLINE, FIREWORKS, HOOK, KEYS, KONTEXT, staged

SOURCES = sorted(Path(next(iter(submitter.sandbox.__path__))).glob("*.py"))
STATUSES = {"refuse_429": 429, "refuse_503": 503, "error_500": 500}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_nothing_of_the_receiver_is_imported(source: Path) -> None:
    """An error there must not agree with itself here."""
    for node in ast.walk(ast.parse(source.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.split(".")[0] == "receiver"]


@pytest.mark.parametrize("provider", KEYS)
@pytest.mark.parametrize("fault", STATUSES)
async def test_the_door_can_be_closed(provider: str, fault: str) -> None:
    """Once, in the provider's own shape; the next submission is taken."""
    async with staged(f"{fault}=1") as stage:
        refused, taken = await stage.submit(provider), await stage.submit(provider)
        await stage.idle()
    assert (refused.status_code, taken.status_code) == (STATUSES[fault], 200)
    assert refused.headers.get("retry-after") == ("1" if fault == "refuse_429" else None)
    assert set(refused.json()) & {"detail", "error_message", "errors", "message"}


@pytest.mark.parametrize("provider", KEYS)
async def test_no_answer_takes_the_job_and_drops_the_connection(provider: str) -> None:
    """The submitter cannot know; the job runs all the same and calls back."""
    async with staged("no_answer") as stage:
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.submit(provider)
        await stage.idle()
        (job,) = await stage.jobs()
    assert job["status"] == "completed"
    assert len(stage.listener.heard) == (0 if provider == "vtrix" else 1)


async def test_a_server_drops_the_connection_without_an_exception() -> None:
    """Where a real server runs the app, an unfinished answer is what makes it hang up."""
    app = create_sandbox("http://sandbox.test", faults={"no_answer": 0})
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"model": "flux_kontext_pro", "prompt": "a"}', "more_body": False}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/vtrix/model/v1/generation",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer k")],
    }
    await app(scope, receive, send)
    await app.state.world.close()
    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_every_job_can_be_looked_at() -> None:
    """provider, id, status, and the attempts of callbacks and uploads with their status codes."""
    async with staged(statuses=[500], time_scale=0.00001) as stage:
        ack = (await stage.fal()).json()
        await stage.idle()
        await stage.vtrix(prompt="[fail]")
        await stage.idle()
        first, second = await stage.jobs()
    assert (first["provider"], first["id"], first["status"]) == ("fal", ack["request_id"], "completed")
    assert [(one["kind"], one["status"]) for one in first["callbacks"]] == [("callback", 500), ("callback", 200)]
    assert first["uploads"] == []
    assert (second["provider"], second["status"]) == ("vtrix", "failed")


async def test_a_receiver_that_is_not_there_is_written_down() -> None:
    """No status, the error in words, and the retries end."""
    app = create_sandbox("http://sandbox.test", time_scale=0.00001)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
        body = {"prompt": "a", "webhook_url": "http://127.0.0.1:1/hook"}
        await client.post(FIREWORKS, json=body, headers={"authorization": "Bearer k"})
        await asyncio.wait_for(app.state.world.idle(), DEADLINE)
        (job,) = (await client.get("/_sandbox/jobs")).json()["jobs"]
        await app.state.world.close()
    assert [one["status"] for one in job["callbacks"]] == [None] * 4
    assert all("ConnectError" in one["error"] for one in job["callbacks"])


async def test_an_unknown_path_is_404_in_json() -> None:
    """No provider answers plain text, and no slash is redirected."""
    async with staged() as stage:
        found = [await stage.client.get(path) for path in ("/", "/vtrix", "/runware/v1/", "/fireworks/x")]
    assert [answer.status_code for answer in found] == [404] * 4
    assert all(answer.json()["detail"] for answer in found)


async def test_its_own_client_follows_no_redirect_and_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a client from outside: straight to the receiver, whatever proxy the environment names; 3xx is the end."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /else\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    app = create_sandbox("http://sandbox.test", time_scale=0.001)
    transport = httpx.ASGITransport(app=app)
    async with server, httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
        hook = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        body = {"prompt": "a", "image_url": "https://x"}
        await client.post(KONTEXT, json=body, headers={"authorization": "Key k"}, params={"fal_webhook": hook})
        await asyncio.wait_for(app.state.world.idle(), DEADLINE)
        (job,) = app.state.world.jobs.values()
        await app.state.world.close()
    assert heard == [b"POST /hook HTTP/1.1\r\n"]
    assert [one.status for one in job.callbacks] == [307]


@pytest.mark.parametrize(("provider", "more", "count"), [("fal", {}, 1), ("runware", {"numberResults": 2}, 2)])
async def test_resend_sends_again_now(provider: str, more: dict[str, int], count: int) -> None:
    """Every callback of the job, freshly signed."""
    async with staged() as stage:
        answer = (await stage.submit(provider, **more)).json()
        await stage.idle()
        before = len(stage.listener.heard)
        name = answer.get("request_id") or answer["data"][0]["taskUUID"]
        again = await stage.client.post(f"/_sandbox/resend/{name}")
    assert (before, len(stage.listener.heard)) == (count, 2 * count)
    assert again.json() == {"id": name, "statuses": [200] * count}


async def test_resend_refuses_what_it_cannot_send() -> None:
    """404 for a stranger, 409 for a job that runs or has no callback."""
    async with staged() as stage:
        ack = (await stage.vtrix()).json()
        await stage.idle()
        found = [(await stage.client.post(f"/_sandbox/resend/{name}")).status_code for name in ("nobody", ack["id"])]
    assert found == [404, 409]


async def test_the_lifespan_ends_what_runs() -> None:
    """Every pending task is cancelled, and nothing is left behind."""
    app = create_sandbox("http://sandbox.test", time_scale=1000)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
            body = {"prompt": "a", "image_url": "https://x"}
            headers = {"authorization": "Key k"}
            await client.post(KONTEXT, json=body, headers=headers, params={"fal_webhook": HOOK})
        (job,) = app.state.world.jobs.values()
    await asyncio.wait_for(app.state.world.idle(), DEADLINE)
    assert job.task
    assert job.task.cancelled()


async def test_slow_takes_ten_times_the_delay() -> None:
    """Delays are jittered, the same for the same seed."""
    delays: list[list[float]] = []
    for _ in range(2):
        async with staged(seed=3) as stage:
            await stage.vtrix()
            await stage.vtrix(prompt="[slow]")
            delays.append([job.delay for job in stage.world.jobs.values()])
    assert delays[0] == delays[1]
    assert 0.2 <= delays[0][0] <= 0.4
    assert 2.0 <= delays[0][1] <= 4.0


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_time_must_pass(scale: float) -> None:
    """A scale of nothing would expire every file at once."""
    with pytest.raises(ValueError, match="time_scale"):
        create_sandbox("http://sandbox.test", time_scale=scale)


def test_an_unknown_fault_is_refused_at_the_start() -> None:
    """Not when it should have struck."""
    with pytest.raises(ValueError, match="duplicate"):
        create_sandbox("http://sandbox.test", faults={"nothing": 1})
