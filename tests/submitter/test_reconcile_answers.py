"""What an answer says, provider by provider: it takes the road that callbacks take, and is believed no more easily."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.wire.tokens import family
from tests.submitter.desk import FAL_ACK, FAL_QUEUE, KEYS, House, acknowledge, open_house, say, script

FAL_IMAGES = {"images": [{"url": "https://v3.fal.media/a.png"}], "seed": 17454220438242315174}
COMPLETED = {"status": "COMPLETED", "request_id": "request-1"}
VTRIX_OUTPUT = {"output": [{"content": [{"type": "image", "url": "https://cdn.vtrix.ai/a.png"}]}]}
READY = {"id": "request-1", "status": "Ready", "result": {"sample": "https://delivery.eu1.bfl.ai/a.png"}}


async def _after(house: House, name: str, seconds: float, **order: Any) -> str:
    """A job that was acknowledged, and asked about after some time."""
    job_id = await house.submit(name, **order)
    house.clock.forward(seconds)
    await house.reconcile()
    return job_id


async def test_an_answer_takes_the_road_of_callbacks(tmp_path: Path) -> None:
    """An answer that tells something is a delivery of kind `answer`, believed by the scheme `asked`."""
    done = {"id": "request-1", "status": "completed", **VTRIX_OUTPUT, "usage": {"cost": "0.0400", "discount": 1}}
    async with open_house(tmp_path, script(acknowledge, say(done))) as house:
        job = await house.job(await _after(house, "vtrix", 2))

        assert [(one.kind, one.scheme, one.verdict) for one in job.deliveries] == [("answer", "asked", "asked")]
        assert (job.status, job.cost_usd) == ("succeeded", "0.0400")
        assert not any(key in str(job.deliveries) for key in KEYS.values())


@pytest.mark.parametrize("name", ["id", "task_id"])
@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"status": "in_progress", "progress": 0.5}, "submitted"),
        ({"status": "pending"}, "submitted"),
        ({"status": "processing"}, "submitted"),
        ({"status": "completed", **VTRIX_OUTPUT}, "succeeded"),
        ({"status": "failed", "error": "out of paint"}, "failed"),
        ({"status": "failed", "error": {"code": "paint", "error_message": "out of paint"}}, "failed"),
    ],
)
async def test_both_vocabularies_of_vtrix(tmp_path: Path, name: str, said: dict[str, Any], status: str) -> None:
    """The words of the page and those of the command line's manual mean the same, whatever the id is called."""
    answer = script(lambda _: say({name: "request-1", "status": "pending"}), say({name: "request-1", **said}))
    async with open_house(tmp_path, answer) as house:
        job = await house.job(await _after(house, "vtrix", 2))

        assert job.status == status
        assert status != "failed" or (job.error or {})["message"] == "out of paint"


async def test_fal_is_asked_in_two_steps(tmp_path: Path) -> None:
    """First the status URL; when that says completed, the response URL: both from the acknowledgement."""
    async with open_house(tmp_path, script(acknowledge, say(COMPLETED), say(FAL_IMAGES))) as house:
        job = await house.job(await _after(house, "fal", 120))

        assert [str(one.url) for one in house.wire.requests[1:]] == [f"{FAL_QUEUE}/status", FAL_QUEUE]
        assert (job.status, job.images[0].seed) == ("succeeded", "17454220438242315174")


async def test_fal_completed_is_not_succeeded(tmp_path: Path) -> None:
    """A completed status may carry an error: the job has failed, and the response URL is not asked."""
    said = {**COMPLETED, "error": "boom", "error_type": "internal_server_error"}
    async with open_house(tmp_path, script(acknowledge, say(said))) as house:
        job = await house.job(await _after(house, "fal", 120))

        assert (job.status, job.error) == ("failed", {"code": "internal_server_error", "message": "boom"})


@pytest.mark.parametrize("body", [{"payload": None}, {"payload": None, "payload_error": "not JSON"}])
async def test_an_unclear_callback_is_asked_about_at_once(tmp_path: Path, body: dict[str, Any]) -> None:
    """fal says OK and gives no payload: the question is due now, and its answer brings the picture."""
    async with open_house(tmp_path, script(acknowledge, say(COMPLETED), say(FAL_IMAGES))) as house:
        job_id = await house.submit("fal")
        await house.fal_hook(job_id, **body)
        await house.reconcile()

        job = await house.job(job_id)
        assert (job.status, {one.kind for one in job.deliveries}) == ("succeeded", {"answer", "hook"})


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.test/status",
        "http://queue.fal.run/status",
        "https://queue.fal.run:444/status",
        "https://queue.fal.run@evil.example.test/status",
        "https://queue.fal.run.evil.example.test/status",
        "https://queue.falrun.com/status",
        "//evil.example.test/status",
        "https://[queue.fal.run/status",
    ],
)
async def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path, url: str) -> None:
    """The spending key goes to the origin of the provider's base and nowhere else, whatever an acknowledgement says."""
    async with open_house(tmp_path, script(say({**FAL_ACK, "status_url": url}))) as house:
        job_id = await _after(house, "fal", 120)

        assert len(house.wire.requests) == 1
        assert (await house.job(job_id)).status == "submitted"


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """An answer that points elsewhere is no answer: the key does not go along."""
    away = say({}, 307, location="https://evil.example.test/")
    async with open_house(tmp_path, script(acknowledge, away)) as house:
        job_id = await _after(house, "vtrix", 2)

        assert (len(house.wire.requests), (await house.job(job_id)).deliveries) == (2, ())


async def test_a_hint_is_confirmed(tmp_path: Path) -> None:
    """An unsigned Fireworks callback makes us ask at once; the picture is the answer's, not the callback's."""
    hint = {**READY, "result": {"sample": "https://evil.bfl.ai/b.png"}}
    async with open_house(tmp_path, script(acknowledge, say(READY))) as house:
        job_id = await house.submit("fireworks")
        await house.hook("fireworks", job_id, hint)
        assert (await house.job(job_id)).images == ()
        await house.reconcile()

        job = await house.job(job_id)
        assert (job.status, job.images[0].url) == ("succeeded", "https://delivery.eu1.bfl.ai/a.png")
        assert house.wire.bodies()[1] == {"id": "request-1"}
        assert house.wire.requests[1].url.path.endswith("/flux-kontext-pro/get_result")


@pytest.mark.parametrize("said", ["Pending", "Task not found", "Error"])
async def test_a_forged_hint_is_not_believed(tmp_path: Path, said: str) -> None:
    """What an unsigned callback claims counts for nothing against what Fireworks itself says."""
    async with open_house(tmp_path, script(acknowledge, say({"id": "request-1", "status": said}))) as house:
        job_id = await house.submit("fireworks")
        await house.hook("fireworks", job_id, READY)
        await house.reconcile()

        job = await house.job(job_id)
        assert (job.status, job.images) == ("failed" if said == "Error" else "submitted", ())


async def test_runware_tells_of_each_result(tmp_path: Path) -> None:
    """Results that are ready are collected while others are still at work; the last one ends the job."""
    job_id = ""

    def ready(*names: str, missing: int = 0) -> httpx.Response:
        url = "https://im.runware.ai/"
        done = [{"taskUUID": job_id, "status": "success", "imageUUID": n, "imageURL": url + n} for n in names]
        return say({"data": [*done, *[{"taskUUID": job_id, "status": "processing"}] * missing]})

    answers = script(acknowledge, lambda _: ready("one", missing=1), lambda _: ready("one", "two"))
    async with open_house(tmp_path, answers) as house:
        job_id = await house.submit("runware", n=2)
        house.clock.forward(60)
        await house.reconcile()
        part = await house.job(job_id)
        house.clock.forward(90)
        await house.reconcile()
        whole = await house.job(job_id)

        assert house.wire.bodies()[1] == [{"taskType": "getResponse", "taskUUID": job_id}]
        assert (part.status, [image.key for image in part.images]) == ("submitted", ["one"])
        assert (whole.status, [image.key for image in whole.images]) == ("succeeded", ["one", "two"])


async def test_runware_uploads_are_asked_about_task_by_task(tmp_path: Path) -> None:
    """With `upload` each result is a task of its own, and a question names them all."""
    async with open_house(tmp_path, script(acknowledge, say({"data": []}))) as house:
        job_id = await _after(house, "runware", 60, upload=True, n=2)

        assert [task["taskUUID"] for task in house.wire.bodies()[1]] == [job_id, family(job_id, 1)]


JUNK = [
    ("vtrix", b"<html>", "malformed"),
    ("vtrix", b'{"id": "request-1"}', "malformed"),
    ("vtrix", b'{"id": "request-2", "status": "completed", "output": []}', "wrong_request"),
    ("fireworks", b'{"id": "request-2", "status": "Pending"}', "wrong_request"),
    ("fal", b'{"status": "DREAMING"}', "malformed"),
    ("fal", b'{"status": "IN_QUEUE", "request_id": "request-2"}', "wrong_request"),
    ("runware", b"[1]", "malformed"),
    ("runware", b"[" * 100_000, "malformed"),
]


@pytest.mark.parametrize(("name", "body", "verdict"), JUNK, ids=lambda value: str(value)[:30])
async def test_a_junk_answer_is_written_down(tmp_path: Path, name: str, body: bytes, verdict: str) -> None:
    """An answer that cannot be read, or is of another request, stays as a refused delivery and changes no job."""
    async with open_house(tmp_path, script(acknowledge, say(body))) as house:
        job = await house.job(await _after(house, name, 150))

        assert (job.status, job.images) == ("submitted", ())
        assert [(one.kind, one.verdict) for one in job.deliveries] == [("answer", verdict)]
        assert house.row()["ask_at"] > str(house.clock().replace(tzinfo=None))


@pytest.mark.parametrize("name", ["fal", "fireworks", "runware", "vtrix"])
@pytest.mark.parametrize(
    "failing",
    [say({}, 401), say({}, 404), say({}, 429), say(b"", 500), say(b"", 503), httpx.ReadTimeout("slow")],
    ids=["401", "404", "429", "500", "503", "timeout"],
)
async def test_a_question_that_fails_says_nothing(tmp_path: Path, name: str, failing: Any) -> None:
    """Our key, our pace, their trouble: one attempt, the job stays as it is and is asked about again."""
    step = failing if isinstance(failing, Exception) else say(failing.content, failing.status_code)
    async with open_house(tmp_path, script(acknowledge, step)) as house:
        job = await house.job(await _after(house, name, 150))

        assert (job.status, len(house.wire.requests), house.row()["asks"]) == ("submitted", 2, 1)
        assert house.row()["ask_at"] > str(house.clock().replace(tzinfo=None))


async def test_an_answer_after_the_callback_is_a_repeat(tmp_path: Path) -> None:
    """What a callback has said is not news in an answer: one event, one image."""
    async with open_house(tmp_path, script(acknowledge, say(COMPLETED), say(FAL_IMAGES))) as house:
        job_id = await house.submit("fal")
        await house.fal_hook(job_id, payload=None)
        await house.fal_hook(job_id, payload=FAL_IMAGES)
        await house.ledger.retried(job_id, house.clock())
        await house.reconcile()

        assert len((await house.job(job_id)).images) == 1
        assert len(house.rows("image")) == len(house.rows("task")) == 1
