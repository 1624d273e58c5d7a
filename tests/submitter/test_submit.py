"""One job from the row to the acknowledgement: the row stands first, and a callback may overtake the answer."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from receiver import registry
from receiver.wire import tokens
from submitter.sandbox.signing import bfl_headers
from tests.submitter.desk import ALL, FAL_ACK, KEYS, NOW, SECRET, House, acknowledge, open_house, say, written

IMAGES = {"images": [{"url": "https://v3.fal.media/files/one.png"}]}
OURS = [SECRET.encode()]


@pytest.mark.parametrize("name", ALL)
async def test_the_row_stands_before_the_call(tmp_path: Path, name: str) -> None:
    """While the provider reads our POST, another connection sees the job's row: pending, and claimed as called."""
    seen: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(house.row())
        return acknowledge(request)

    async with open_house(tmp_path, answer) as house:
        job_id = await house.submit(name)

    [row] = seen
    assert (row["id"], row["status"], row["request_id"]) == (job_id, "pending", None)
    assert row["called_at"] is not None


@pytest.mark.parametrize("name", ALL)
async def test_an_acknowledged_job_is_submitted(tmp_path: Path, name: str) -> None:
    """The provider's name for the job is noted; Runware's is our own."""
    async with open_house(tmp_path) as house:
        job_id = await house.submit(name, tags={"for": "test"})

        job = await house.job(job_id)
        assert (job.status, job.submitted_at, job.tags) == ("submitted", NOW, {"for": "test"})
        assert job.request_id == (job_id if name == "runware" else "request-1")
        assert len(house.wire.requests) == 1


async def test_fal_is_told_where_to_call_back(tmp_path: Path) -> None:
    """fal's callback URL is a query parameter, its token good for this job and nothing else."""
    async with open_house(tmp_path) as house:
        job_id = await house.submit("fal")

    [request] = house.wire.requests
    [hook] = parse_qs(request.url.query.decode())["fal_webhook"]
    assert hook.startswith("https://hooks.example.test/hooks/fal/")
    assert tokens.check(OURS, "hook", "fal", hook.rpartition("/")[2]).job_id == job_id


async def test_runware_is_told_where_to_put(tmp_path: Path) -> None:
    """With `upload` each result is a task with an upload URL of its own place."""
    async with open_house(tmp_path) as house:
        job_id = await house.submit("runware", n=2, upload=True, seed=5)

    [tasks] = house.wire.bodies()
    claims = [tokens.check(OURS, "upload", "runware", task["uploadEndpoint"].rpartition("/")[2]) for task in tasks]
    assert [(claim.job_id, claim.place) for claim in claims] == [(job_id, 0), (job_id, 1)]
    assert [task["seed"] for task in tasks] == [5, 6]


async def test_fireworks_gets_a_secret_of_the_job(tmp_path: Path) -> None:
    """The secret is derived from our key and the job: a callback signed with it is believed."""
    async with open_house(tmp_path) as house:
        job_id = await house.submit("fireworks")
        [sent] = house.wire.bodies()
        body = b'{"id": "request-1", "status": "Ready", "result": {"sample": "https://delivery.bfl.ai/a.png"}}'

        recorded = await house.hook("fireworks", job_id, body, dict(bfl_headers(body, sent["webhook_secret"])))

        assert recorded.refusal is None
        assert (await house.job(job_id)).status == "succeeded"


def _calling(house: list[House], request_id: str, said: dict[str, Any]) -> Any:
    """A provider that calls back before it answers."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        recorded = await house[0].fal_hook(house[0].row()["id"], request_id, payload=IMAGES)
        assert recorded.refusal is None
        return say(said)

    return answer


async def test_a_callback_may_overtake_the_acknowledgement(tmp_path: Path) -> None:
    """A signed callback during the POST is matched by its URL; the acknowledgement lowers nothing and adds links."""
    houses: list[House] = []
    async with open_house(tmp_path, _calling(houses, "request-1", FAL_ACK)) as house:
        houses.append(house)
        job_id = await house.submit("fal")

        job = await house.job(job_id)
        assert (job.status, job.request_id, len(job.images)) == ("succeeded", "request-1", 1)
        assert [(one.kind, one.verdict) for one in job.deliveries] == [("hook", "verified")]
        assert "status" in house.row()["links"]
        assert house.row()["ask_at"] is None


async def test_runware_may_call_back_before_it_answers(tmp_path: Path) -> None:
    """Runware's task id is ours, so its callback during the POST is matched as well."""

    async def answer(request: httpx.Request) -> httpx.Response:
        job_id = house.row()["id"]
        item = {"taskType": "imageInference", "taskUUID": job_id, "imageUUID": "one"}
        await house.hook("runware", job_id, item | {"imageURL": "https://im.runware.ai/one.jpg", "cost": 0.04})
        return acknowledge(request)

    async with open_house(tmp_path, answer) as house:
        job = await house.job(await house.submit("runware"))

        assert (job.status, job.cost_usd, [image.key for image in job.images]) == ("succeeded", "0.04", ["one"])


async def test_a_delivered_job_stays_delivered(tmp_path: Path) -> None:
    """Neither a late refusal nor a late acknowledgement lowers what a callback has proved."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        await house.fal_hook(house.row()["id"], payload=IMAGES)
        return say({"detail": "quota"}, 403)

    async with open_house(tmp_path, answer) as house:
        job = await house.job(await house.submit("fal"))

        assert (job.status, job.error, job.request_id) == ("succeeded", None, "request-1")


async def test_an_acknowledgement_of_another_request_disowns(tmp_path: Path) -> None:
    """What came before an acknowledgement that names another request was not ours: gone, refused, and asked about."""
    houses: list[House] = []
    async with open_house(tmp_path, _calling(houses, "request-other", FAL_ACK)) as house:
        houses.append(house)
        job_id = await house.submit("fal")

        job = await house.job(job_id)
        assert (job.status, job.request_id, job.images) == ("submitted", "request-1", ())
        assert [one.verdict for one in job.deliveries] == ["wrong_request"]
        assert house.row()["ask_at"] == house.row()["created_at"]

        assert (await house.fal_hook(job_id, payload=IMAGES)).refusal is None
        assert (await house.job(job_id)).status == "succeeded"


@pytest.mark.parametrize("name", ALL)
async def test_the_key_is_sent_once_and_kept_nowhere(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The spending key stands in one header of the call: in no row, no file of ours, no line of the log."""
    async with open_house(tmp_path) as house:
        await house.submit(name)

        [request] = house.wire.requests
        assert request.headers["authorization"].split(" ")[1] == KEYS[registry.provider(name).key_setting]
        assert not any(key in request.content.decode() + str(request.url) for key in KEYS.values())
    kept = written(tmp_path) + "".join(capfd.readouterr()).encode()
    assert not any(key.encode() in kept for key in KEYS.values())
