"""The caller by itself: where the key goes, how long it waits, how much it reads."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import stamina.instrumentation
from stamina.instrumentation import RetryDetails

from receiver import registry
from receiver.errors import Malformed, Misconfigured
from receiver.wire.orders import Call
from submitter import calls
from submitter.calls import Caller, NeverSent, NoAnswer
from tests.submitter.desk import KEYS, Answer, Wire, arrange, say, script

VTRIX = registry.provider("vtrix")
BASE = "https://cloud.vtrix.ai"
QUESTION = Call("GET", f"{BASE}/model/v1/generation/task/one")
ELSEWHERE = [
    "https://evil.example.test/task",
    "http://cloud.vtrix.ai/task",
    "https://cloud.vtrix.ai:8443/task",
    "https://cloud.vtrix.ai.evil.example.test/task",
    "https://cloud.vtrix.ai@evil.example.test/task",
    "https://a@cloud.vtrix.ai@evil.example.test/task",
    "https://evil.example.test\\@cloud.vtrix.ai.evil.example.test/",
    "//evil.example.test/task",
    "/task",
    "",
]


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrange(monkeypatch, tmp_path)


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """The seconds of every wait that stamina is about to make."""
    seen: list[float] = []
    before = stamina.instrumentation.get_on_retry_hooks()

    def note(details: RetryDetails) -> None:
        seen.append(details.wait_for)

    stamina.instrumentation.set_on_retry_hooks([note])
    yield seen
    stamina.instrumentation.set_on_retry_hooks(before)


@asynccontextmanager
async def calling(answer: Answer, limit: int = 1000, scale: float = 0) -> AsyncIterator[tuple[Caller, Wire]]:
    wire = Wire(answer)
    caller = Caller(limit, httpx.AsyncClient(transport=httpx.MockTransport(wire)), scale)
    try:
        yield caller, wire
    finally:
        await caller.aclose()


async def test_the_key_goes_to_its_own_host() -> None:
    """A call to the base carries the key in the provider's own header, and JSON where there is a body."""
    async with calling(script(say({}), say({}))) as (caller, wire):
        await caller.send(VTRIX, QUESTION, BASE)
        await caller.send(
            registry.provider("fal"), Call("POST", "http://127.0.0.1:9/x", b"{}"), "http://127.0.0.1:9/fal"
        )

    asked, sent = wire.requests
    assert asked.headers["authorization"] == f"Bearer {KEYS['VTRIX_API_KEY']}"
    assert sent.headers["authorization"] == f"Key {KEYS['FAL_KEY']}"
    assert ("content-type" in asked.headers, sent.headers["content-type"]) == (False, "application/json")


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_the_key_goes_nowhere_else(url: str) -> None:
    """Another scheme, host or port than the base's is refused before anything is sent; the key is in no message."""
    async with calling(script()) as (caller, wire):
        with pytest.raises(Malformed, match="another host than VTRIX_URL") as refusal:
            await caller.send(VTRIX, Call("GET", url), BASE)

    assert wire.requests == []
    assert KEYS["VTRIX_API_KEY"] not in str(refusal.value)


@pytest.mark.parametrize("url", ["https://[cloud.vtrix.ai/task", "https://cloud.vtrix.ai:port/task"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    """What no parser takes for an address is Malformed, and nothing else escapes."""
    async with calling(script()) as (caller, _):
        with pytest.raises(Malformed):
            await caller.send(VTRIX, Call("GET", url), BASE)


async def test_a_redirect_is_an_answer() -> None:
    """The key does not follow a redirect."""
    async with calling(script(say({}, 302, location="https://evil.example.test"))) as (caller, wire):
        assert (await caller.send(VTRIX, QUESTION, BASE)).status == 302

    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("86400", 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), ("-5", 1), ("1e9", 1), ("9" * 400, 1)],
)
async def test_retry_after_is_kept_and_bounded(waits: list[float], value: str, seconds: float) -> None:
    """The wait is the provider's Retry-After in seconds, at most a minute; a second where it says nothing usable."""
    answers = script(say({}, 429, retry_after=value), say({}, 503), say({}))
    async with calling(answers, scale=1e-5) as (caller, _):
        await caller.send(VTRIX, QUESTION, BASE)

    assert waits == pytest.approx([seconds * 1e-5, 1e-5])


@pytest.mark.parametrize("step", [lambda: say({}, 429, retry_after="0"), lambda: httpx.ConnectError("refused")])
async def test_patience_ends(monkeypatch: pytest.MonkeyPatch, step: Callable[[], httpx.Response | Exception]) -> None:
    """When the time for one call is over there is no further attempt, however many were left."""
    monkeypatch.setattr(calls, "PATIENCE", timedelta(microseconds=1))
    async with calling(script(step())) as (caller, wire):
        try:
            assert (await caller.send(VTRIX, QUESTION, BASE)).status == 429
        except NeverSent as error:
            assert "ConnectError" in str(error)  # noqa: PT017  either end is right, each for its step

    assert len(wire.requests) == 1


async def test_waits_for_a_connection_are_scaled(waits: list[float]) -> None:
    """`scale` shortens every wait, those without a connection too."""
    async with calling(script(*(httpx.ConnectError("refused") for _ in range(5)))) as (caller, _):
        with pytest.raises(NeverSent):
            await caller.send(VTRIX, QUESTION, BASE)

    assert waits == [0, 0, 0, 0]


async def test_a_question_is_one_attempt() -> None:
    """With `attempts=1` being busy is an answer, and no connection an error, at once."""
    async with calling(script(say({}, 503), httpx.ConnectError("refused"))) as (caller, _):
        assert (await caller.send(VTRIX, QUESTION, BASE, attempts=1)).status == 503
        with pytest.raises(NeverSent):
            await caller.send(VTRIX, QUESTION, BASE, attempts=1)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
async def test_an_answer_is_bounded(size: int, fits: bool) -> None:
    """An answer of more bytes than the limit is no answer: it is not read to its end."""
    async with calling(script(say(b"x" * size))) as (caller, _):
        if fits:
            assert len((await caller.send(VTRIX, QUESTION, BASE)).body) == size
        else:
            with pytest.raises(NoAnswer):
                await caller.send(VTRIX, QUESTION, BASE)


async def test_an_answer_keeps_its_status_and_headers() -> None:
    """The status is a pseudo-header, names are lower-case, and what the provider sent is unchanged."""
    async with calling(script(say({"a": "é"}, 404, X_Fal_Error_Type="gone"))) as (caller, _):
        reply = await caller.send(VTRIX, QUESTION, BASE)

    assert (reply.status, reply.headers.get(b":status")) == (404, b"404")
    assert reply.headers.get(b"x-fal-error-type") == b"gone"


async def test_a_key_that_is_quoted_is_left_out() -> None:
    """An answer that quotes our key, in its body or a header, loses it; one that quotes a short word does not."""
    key = KEYS["VTRIX_API_KEY"]
    async with calling(script(say({"message": f"bad {key}"}, 401, x_key=key))) as (caller, _):
        reply = await caller.send(VTRIX, QUESTION, BASE)

    assert reply.body == b'{"message": "bad ..."}'
    assert key.encode() not in dict(reply.headers)[b"x-key"]


async def test_a_short_key_spoils_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key as short as a word (a sandbox's) may stand in an answer by chance: nothing is cut out."""
    monkeypatch.setenv("VTRIX_API_KEY", "status")
    async with calling(script(say({"status": "completed"}))) as (caller, _):
        assert (await caller.send(VTRIX, QUESTION, BASE)).body == b'{"status": "completed"}'


async def test_without_its_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that went missing is Misconfigured, at once and not after five attempts."""
    monkeypatch.delenv("VTRIX_API_KEY")
    async with calling(script()) as (caller, wire):
        with pytest.raises(Misconfigured, match="VTRIX_API_KEY"):
            await caller.send(VTRIX, QUESTION, BASE)

    assert wire.requests == []
