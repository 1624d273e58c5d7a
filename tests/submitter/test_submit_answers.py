"""How a call may end: refused, told to wait, not connected, or with no answer; and how often it is made."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import structlog

from receiver import registry
from tests.submitter.desk import ALL, KEYS, NOW, Answer, House, acknowledge, open_house, say, script

PATIENT = 5
"""Attempts for one call that certainly was not taken."""
REFUSALS = [
    ("fal", 422, {"detail": [{"loc": ["body", "seed"], "msg": "too large", "type": "less_than"}]}, "less_than"),
    ("fal", 401, {"detail": "no such key"}, "http_401"),
    ("fireworks", 400, {"error_message": "prompt is empty"}, "http_400"),
    ("runware", 400, {"errors": [{"code": "invalidWidth", "message": "64 to 2048"}]}, "invalidWidth"),
    ("runware", 200, {"data": [], "errors": [{"code": "invalidModel", "message": "no such model"}]}, "invalidModel"),
    ("vtrix", 403, {"error": {"code": "balance", "message": "no money"}}, "balance"),
    ("vtrix", 401, {"message": "invalid key"}, "http_401"),
    ("vtrix", 404, b"<html>not here</html>", "http_404"),
    ("fal", 302, {"detail": "moved"}, "http_302"),
]
MESSAGES = ["too large", "no such key", "prompt is empty", "64 to 2048", "no such model", "no money", "invalid key"]
UNKNOWN: dict[str, httpx.Response | Exception] = {
    "read timeout": httpx.ReadTimeout("slow"),
    "write error": httpx.WriteError("broken"),
    "dropped": httpx.RemoteProtocolError("gone"),
    "500": say({"error": "boom"}, 500),
    "502": say(b"<html>bad gateway</html>", 502),
    "junk 200": say(b"<html>hello</html>"),
    "empty 200": say({}),
    "endless 200": say(b"[" * 100_000),
    "huge 200": say(b'"' + b"x" * 2000),
}


def _pending(house: House, name: str) -> None:
    """The job waits for its callback, and will be asked about when the provider's pace says."""
    row = house.row()
    first = registry.provider(name).pace.first
    assert (row["status"], row["error_code"], row["request_id"]) == ("pending", None, None)
    assert row["ask_at"].startswith((NOW + first).strftime("%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize(("name", "status", "body", "code"), REFUSALS)
async def test_a_refusal_is_the_jobs_error(tmp_path: Path, name: str, status: int, body: object, code: str) -> None:
    """A no in each provider's shape fails the job with its own code and message; it is not asked twice."""
    async with open_house(tmp_path, script(say(body, status))) as house:
        job = await house.job(await house.submit(name))

        assert (job.status, job.finished_at) == ("failed", NOW)
        assert job.error is not None
        assert job.error["code"] == code
        assert status in {404, 302} or job.error["message"] in MESSAGES
        assert house.row()["ask_at"] is None


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [429, 503])
async def test_busy_is_tried_again(tmp_path: Path, name: str, status: int) -> None:
    """429 and 503 say that the call was not taken: it is made again, and the job is submitted."""
    async with open_house(tmp_path, script(say({}, status, retry_after="7"), say({}, status), acknowledge)) as house:
        job = await house.job(await house.submit(name))

        assert (job.status, len(house.wire.requests)) == ("submitted", 3)
        assert len({request.content for request in house.wire.requests}) == 1


@pytest.mark.parametrize(
    ("name", "status", "body", "code"),
    [
        ("fal", 429, {"detail": "too fast"}, "http_429"),
        ("fireworks", 503, {"error_message": "too fast"}, "http_503"),
        ("runware", 429, {"errors": [{"code": "rateLimit", "message": "too fast"}]}, "rateLimit"),
        ("vtrix", 503, {"error": {"code": "overloaded", "message": "too fast"}}, "overloaded"),
    ],
)
async def test_busy_for_too_long_is_the_jobs_error(
    tmp_path: Path, name: str, status: int, body: object, code: str
) -> None:
    """Attempts are bounded; what was said at the last one is the job's error."""
    async with open_house(tmp_path, script(*(say(body, status) for _ in range(PATIENT)))) as house:
        job = await house.job(await house.submit(name))

        assert (job.status, job.error) == ("failed", {"code": code, "message": "too fast"})
        assert len(house.wire.requests) == PATIENT


async def test_no_connection_is_tried_again(tmp_path: Path) -> None:
    """Without a connection nothing was sent: another attempt cannot be paid twice."""
    answer = script(httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full"), acknowledge)
    async with open_house(tmp_path, answer) as house:
        job = await house.job(await house.submit("fireworks"))

        assert (job.status, len(house.wire.requests)) == ("submitted", 4)


@pytest.mark.parametrize("name", ALL)
async def test_never_connected_is_never_sent(tmp_path: Path, name: str) -> None:
    """When no attempt finds a connection the job has failed, and the error says that it was never sent."""
    async with open_house(tmp_path, script(*(httpx.ConnectError("refused") for _ in range(PATIENT)))) as house:
        job = await house.job(await house.submit(name))

        title = registry.provider(name).title
        assert job.error == {"code": "never_sent", "message": f"{title} cannot be reached (ConnectError)"}
        assert (job.status, len(house.wire.requests)) == ("failed", PATIENT)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("end", UNKNOWN)
async def test_what_may_have_been_taken_is_not_sent_again(tmp_path: Path, name: str, end: str) -> None:
    """No answer, or none that makes sense: one POST, the job stays pending, and its question is due at its pace."""
    step = UNKNOWN[end]
    once = step if isinstance(step, Exception) else say(step.content, step.status_code)
    async with open_house(tmp_path, script(once), max_body_bytes=1024) as house:
        with structlog.testing.capture_logs() as logs:
            await house.submit(name)

        assert len(house.wire.requests) == 1
        _pending(house, name)
        assert [line["event"] for line in logs] == ["no usable answer; not sent again"]
        assert not any(key in str(logs) for key in KEYS.values())


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((say({}, 429), httpx.ReadTimeout("slow")), "pending"),
        ((httpx.ConnectError("refused"), say({"detail": "no"}, 422)), "failed"),
        ((say({}, 503), say({"detail": "boom"}, 500)), "pending"),
    ],
)
async def test_each_attempt_is_judged_by_itself(
    tmp_path: Path, steps: tuple[httpx.Response | Exception, ...], status: str
) -> None:
    """After a retry the next answer decides: the first one that may have been taken is the last."""
    async with open_house(tmp_path, script(*steps)) as house:
        await house.submit("fal")

        assert (house.row()["status"], len(house.wire.requests)) == (status, len(steps))


async def test_a_callback_still_ends_a_job_without_answer(tmp_path: Path) -> None:
    """The answer to the POST never came, the callback does: it names the request and brings the pictures."""
    async with open_house(tmp_path, script(httpx.ReadTimeout("slow"))) as house:
        job_id = await house.submit("fal")
        await house.fal_hook(job_id, payload={"images": [{"url": "https://v3.fal.media/a.png"}]})

        job = await house.job(job_id)
        assert (job.status, job.request_id) == ("succeeded", "request-1")


async def test_an_echoed_key_is_not_kept(tmp_path: Path) -> None:
    """A provider that quotes our key in its refusal does not bring it into the row."""
    refusal: Answer = script(say({"detail": f"Invalid key {KEYS['FAL_KEY']}."}, 401))
    async with open_house(tmp_path, refusal) as house:
        job = await house.job(await house.submit("fal"))

        assert job.error == {"code": "http_401", "message": "Invalid key ...."}


async def test_the_deadline_counts_from_the_order(tmp_path: Path) -> None:
    """JOB_DEADLINE is the time that a job has, from its row on."""
    async with open_house(tmp_path, job_deadline=60) as house:
        job = await house.job(await house.submit("vtrix"))

        assert job.deadline_at - job.created_at == timedelta(seconds=60)
