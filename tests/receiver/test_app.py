"""The doors as a sender meets them: what is not there, what is not allowed, how the app mounts, closes and logs."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message
from structlog.testing import capture_logs

from receiver import app as app_module
from receiver import create_app, errors
from receiver.app import refusal, status_of
from receiver.errors import LedgerBusy, Misconfigured
from receiver.ledger import tables
from receiver.wire import tokens
from tests.receiver.house import PUBLIC, House, Placed, configured, done, opened, png


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as made:
        yield made


def wrong_urls(job: Placed, putting: Placed) -> list[tuple[str, str]]:
    """Method and URL of everything that looks like a door and is none."""
    token = job.hook.rsplit("/", 1)[1]
    strangers = tokens.mint([b"a key of somebody else"], "hook", "fal", job.id)
    hooks = [
        "/hooks", "/hooks/", "/hooks/fal", "/hooks/fal/", "/hooks//" + token, f"/hooks/fal/{token}/",
        f"/hooks/fal/{token}/more", f"/hooks/fal//{token}", f"/hooks/fal/{token}%2F",
        f"/hooks/fireworks/{token}", f"/hooks/nobody/{token}", f"/hooks/Fal/{token}", f"/hooks/fal/{token[:-1]}",
        f"/hooks/fal/{token}x", f"/hooks/fal/{token}%0A", f"/hooks/fal/{token.upper()}", "/hooks/fal/%00",
        "/hooks/fal/é", f"/hooks/fal/{strangers}", putting.uploads[0].replace("/uploads/", "/hooks/"),
    ]  # fmt: skip
    upload = putting.uploads[0].rsplit("/", 1)[1]
    uploads = [
        putting.hook.replace("/hooks/", "/uploads/"), job.hook.replace("/hooks/", "/uploads/"), "/uploads/runware",
        f"/uploads/runware/{upload}/", f"/uploads/fal/{upload}", f"/uploads/runware/{upload.replace('.0.', '.1.')}",
        f"/uploads/runware/{upload.replace('.0.', '.00.')}", f"/uploads/runware/{upload}/more",
    ]  # fmt: skip
    return [("POST", url) for url in hooks] + [("PUT", url) for url in uploads]


async def test_wrong_urls_are_all_alike(house: House) -> None:
    """A bad token, another's token, the other door's token, an unknown provider, job or path: one answer."""
    job, putting = await house.place(), await house.place("runware", upload=True)
    nobody = tokens.mint(house.road.settings.secrets, "hook", "fal", str(uuid.uuid4()))
    seen = set()
    for method, url in [*wrong_urls(job, putting), ("POST", f"/hooks/fal/{nobody}")]:
        answer = await house.client.request(method, url, content=png() if method == "PUT" else done(job.request_id))
        assert answer.status_code == 404, url
        seen.add((answer.content, tuple(answer.headers.raw)))
    assert len(seen) == 1
    assert answer.json() == {"error": "unknown_endpoint", "detail": app_module.NOTHING}


async def test_a_bad_token_leaves_nothing_behind(house: House) -> None:
    """What comes with a bad token is neither written down nor stored."""
    job, putting = await house.place(), await house.place("runware", upload=True)
    for method, url in wrong_urls(job, putting):
        await house.client.request(method, url, content=png() if method == "PUT" else b"{" * 70_000)
    assert house.rows(tables.delivery) == []
    assert [path for path in (house.folder / "images").rglob("*") if path.is_file()] == []


async def test_a_bad_token_is_told_before_its_body_is_read(house: House) -> None:
    """The token is checked first: a stranger's body is not worth reading."""
    pulled = []

    async def body() -> AsyncIterator[bytes]:
        pulled.append(1)
        yield b"x"

    answer = await house.client.post("/hooks/fal/wrong", content=body())
    assert (answer.status_code, pulled) == (404, [])


@pytest.mark.parametrize(
    "path", ["/nothing", "/hook/fal/x", "/jobs/1/2/3", "/healthz/", "/api/v9", f"{PUBLIC}//hooks/fal/x"]
)
async def test_an_unknown_path_is_no_redirect(house: House, path: str) -> None:
    """Outside the doors, too, what is not there is 404 in the contract's words, never a redirect to something near."""
    answer = await house.client.post(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_endpoint")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_the_hook_door_takes_post_only(house: House, method: str) -> None:
    """Any other method is 405 and says which one would do; nothing is written down."""
    job = await house.place()
    answer = await house.client.request(method, job.hook, content=done(job.request_id))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or answer.json()["error"] == "method_not_allowed"
    assert house.rows(tables.delivery) == []


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_the_upload_door_takes_put_only(house: House, method: str) -> None:
    """Any other method is 405 and says which one would do."""
    job = await house.place("runware", upload=True)
    answer = await house.client.request(method, job.uploads[0], content=png())
    assert (answer.status_code, answer.headers["allow"]) == (405, "PUT")
    assert (await house.client.put(job.uploads[0], content=png())).status_code == 201


async def test_mounted_under_a_prefix(house: House) -> None:
    """The app works below a prefix of another app, the doors and the rest alike."""
    job, putting = await house.place(), await house.place("runware", upload=True)
    outer = Starlette(routes=[Mount("/in/here", house.app)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=PUBLIC) as client:
        body = done(job.request_id)
        path = job.hook.removeprefix(PUBLIC)
        answer = await client.post(f"/in/here{path}", content=body, headers=house.signed(job, body))
        assert (answer.status_code, answer.json()) == (200, {"duplicate": False})
        put = await client.put(f"/in/here{putting.uploads[0].removeprefix(PUBLIC)}", content=png())
        assert put.status_code == 201
        assert (await client.get("/in/here/healthz")).json() == {"alive": True}
        wrong = await client.post(f"/in/here/in/here{path}", content=body)
        assert (wrong.status_code, wrong.json()["error"]) == (404, "unknown_endpoint")


@pytest.mark.parametrize("prefix", ["/hooks", "/uploads/x"])
async def test_mounted_under_a_doors_own_name(house: House, prefix: str) -> None:
    """A prefix that is called as a door is does not confuse the doors."""
    job = await house.place()
    body = done(job.request_id)
    outer = Starlette(routes=[Mount(prefix, house.app)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=PUBLIC) as client:
        path = job.hook.removeprefix(PUBLIC)
        answer = await client.post(prefix + path, content=body, headers=house.signed(job, body))
        assert answer.status_code == 200
        assert (await client.get(f"{prefix}/healthz")).status_code == 200


async def test_the_lifespan_closes_what_was_opened(house: House) -> None:
    """When the server stops, what waits is written and the ledger takes nothing more."""
    said: list[str] = []
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    await inbox.put({"type": "lifespan.startup"})
    await inbox.put({"type": "lifespan.shutdown"})

    async def send(message: Message) -> None:
        said.append(message["type"])

    await house.app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(LedgerBusy):
        await house.place()


async def test_alive_and_ready(house: House) -> None:
    """/healthz says that the process is alive, /readyz that database and storage answer."""
    assert (await house.client.get("/healthz")).json() == {"alive": True}
    assert (await house.client.get("/readyz")).json() == {"ready": True}


async def test_a_log_line_holds_no_secret(house: House) -> None:
    """One line a delivery: who, what and how long; no token, no query, no header, no body."""
    job = await house.place()
    body = done(job.request_id)
    headers = house.signed(job, body)
    with capture_logs() as lines:
        await house.client.post(job.hook + "?key=hush", content=body, headers=headers)
        await house.client.post(job.hook + "x?key=hush", content=body, headers=headers)
        await house.client.post(job.hook, content=body, headers=headers | {"X-Fal-Webhook-Signature": "00" * 64})
    said = [line for line in lines if line["event"] == "delivery"]
    assert [(line["status"], line["verdict"]) for line in said] == [
        (200, "recorded"), (404, "unknown_endpoint"), (401, "unknown_key"),
    ]  # fmt: skip
    assert (said[0]["provider"], said[0]["job"]) == ("fal", job.id)
    secrets = [job.hook.rsplit(".", 1)[1], "hush", headers["X-Fal-Webhook-Signature"], "00" * 64, "v3.fal.media"]
    assert not [secret for secret in secrets if secret in repr(lines)]


def test_every_error_has_its_status() -> None:
    """Every refusal is a 4xx, every fault of ours that may pass is 503 with a Retry-After, nothing else is sent."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Refused)]
    assert {status_of(kind("x")) for kind in kinds if kind is not errors.Refused} == {400, 401, 404, 409, 413, 415}
    ours: list[type[errors.TryLater]] = [errors.TryLater, *errors.TryLater.__subclasses__()]
    assert {status_of(kind("x")) for kind in ours} == {503}
    assert all(refusal(kind("x")).retry_after == kind.retry_after > 0 for kind in ours)


def test_an_app_of_its_own_needs_only_settings(tmp_path: Path) -> None:
    """`create_app` opens what the settings name, and refuses to start on wrong ones."""
    made = create_app(configured(tmp_path))
    asyncio.run(made.aclose())
    assert made.road.clock().utcoffset() == timedelta(0)
    assert (tmp_path / "ledger.db").is_file()
    with pytest.raises(Misconfigured, match="STORAGE_URL"):
        create_app(configured(tmp_path, storage_url="ftp://x"))
