"""When the fault is ours: 503 with Retry-After, nothing lost, nothing half-written; and senders that go away."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.ledger import database, recorder, scribes, tables
from receiver.storage import Memory
from tests.receiver.house import PUBLIC, House, done, opened, png

BIG = b" " * 70_000


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house whose database gives up soon."""
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 20)
    monkeypatch.setattr(scribes, "PATIENCE", 20)
    async with opened(tmp_path) as made:
        yield made


def try_later(answer: httpx.Response, seconds: int) -> bool:
    said = (answer.status_code, answer.json()["error"], answer.headers["retry-after"])
    return said == (503, "try_later", str(seconds))


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Another process holds the database."""
    with closing(sqlite3.connect(house.folder / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_no_key_and_no_key_server(house: House) -> None:
    """With no key at hand and its server down a callback is put off, and is not called a forgery."""
    job = await house.place()
    house.keys.answer = httpx.ConnectError("down")
    assert try_later(await house.fal(job), 30)
    assert house.rows(tables.delivery) == []


async def test_a_locked_database(house: House) -> None:
    """A database that takes no rows is 503 at either door; once it does, the same delivery is news."""
    job, putting = await house.place(), await house.place("runware", upload=True)
    with locked(house):
        assert try_later(await house.fal(job), 5)
        assert try_later(await house.fal(job, b"junk"), 5)
        assert try_later(await house.client.put(putting.uploads[0], content=png()), 5)
        assert try_later(await house.client.put(putting.uploads[0], content=b"<svg/>"), 5)
    assert (await house.fal(job)).json() == {"duplicate": False}
    assert (await house.client.put(putting.uploads[0], content=png())).status_code == 201


async def test_a_database_that_is_gone(house: House) -> None:
    """A database that has lost a table is 503, not a crash."""
    job = await house.place()
    with closing(sqlite3.connect(house.folder / "ledger.db")) as other:
        other.execute("DROP TABLE delivery")
    assert try_later(await house.fal(job), 5)


async def test_a_full_queue(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When too many deliveries wait for the disk the next ones are put off; those that waited are written."""
    monkeypatch.setattr(scribes, "PATIENCE", 10_000)
    monkeypatch.setattr(recorder, "MOST_WAITING", 3)
    async with opened(house.folder / "patient") as patient:
        job = await patient.place()
        await patient.fal(job)
        with locked(patient):
            calls = [asyncio.create_task(patient.fal(job)) for _ in range(12)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        said = await asyncio.gather(*calls)
    assert {each.status_code for each in said} == {200, 503}
    assert all(try_later(each, 5) for each in said if each.status_code == 503)


async def test_a_full_storage(tmp_path: Path) -> None:
    """A storage that is full is 503; nothing is in the ledger, so the sender's next try is news."""
    async with opened(tmp_path, Memory(room=100)) as house:
        job, putting = await house.place(), await house.place("runware", upload=True)
        body = done(job.request_id, "data:image/png;base64," + "A" * 400)
        assert try_later(await house.fal(job, body), 60)
        assert try_later(await house.fal(job, done(job.request_id) + BIG), 60)
        assert try_later(await house.client.put(putting.uploads[0], content=png((400, 400))), 60)
        assert house.rows(tables.delivery) + house.rows(tables.event) == []
        assert (await house.fal(job)).json() == {"duplicate": False}


@pytest.mark.parametrize("broken", ["database", "storage"])
async def test_not_ready(house: House, broken: str) -> None:
    """/readyz is 503 and says what is missing when the storage takes nothing or the database does not answer."""
    if broken == "storage":
        partial = house.folder / "images" / ".partial"
        partial.rmdir()
        partial.write_text("in the way")
    else:
        house.road.ledger._engines.reading().dispose()
        for file in house.folder.glob("ledger.db*"):
            file.unlink()
        (house.folder / "ledger.db").mkdir()
    answer = await house.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"], answer.json()["error"]) == (503, False, "try_later")
    assert (await house.client.get("/healthz")).status_code == 200


async def heard(house: House, method: str, url: str, *messages: dict[str, Any]) -> list[Any]:
    """What the app sends when these messages come in; more than these it must not ask for."""
    inbox, sent = iter(messages), []

    async def receive() -> dict[str, Any]:
        return next(inbox)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": url.removeprefix(PUBLIC), "root_path": "", "headers": []}
    await house.app(scope, receive, send)
    return sent


@pytest.mark.parametrize("door", ["hook", "upload"])
async def test_a_sender_that_goes_away(house: House, door: str) -> None:
    """A body that never comes whole is no delivery: no answer, no row, no file, no crash."""
    job = await house.place("runware", upload=True)
    method, url = ("POST", job.hook) if door == "hook" else ("PUT", job.uploads[0])
    first = {"type": "http.request", "body": png(), "more_body": True}
    assert await heard(house, method, url, first, {"type": "http.disconnect"}) == []
    assert house.rows(tables.delivery) == []
    assert [path for path in (house.folder / "images").rglob("*") if path.is_file()] == []


async def test_an_empty_message_is_a_whole_body(house: House) -> None:
    """ASGI lets a server leave `body` and `more_body` out: that is an empty body, and malformed."""
    job = await house.place("runware")
    start, _ = await heard(house, "POST", job.hook, {"type": "http.request"})
    assert start["status"] == 400


async def test_a_receiver_that_is_stopping(house: House) -> None:
    """While the ledger closes a callback is put off, not lost."""
    job = await house.place()
    await house.road.aclose()
    assert try_later(await house.fal(job), 5)
