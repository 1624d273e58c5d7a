import uuid

import httpx
import pytest

from receiver.errors import StaleTimestamp
from receiver.ledger.arrivals import SPILL_BYTES, Arrival
from receiver.ledger.shapes import job_json
from receiver.road import Road
from receiver.wire import schemes
from receiver.wire.types import Delivery, Headers, Kind
from tests.receiver.api.backends import EVERYWHERE
from tests.receiver.pages.seeding import T0, Clock, Seed, png


async def ids(program: httpx.AsyncClient, **wanted: str | int) -> list[str]:
    found = await program.get("/api/v1/jobs", params=wanted)
    assert found.status_code == 200
    return [job["id"] for job in found.json()["jobs"]]


@EVERYWHERE
async def test_a_job_is_told_as_the_command_tells_it(program: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """One JSON for API, list and `show --json`: the contract's words, deliveries included."""
    job_id = await seed.delivered()
    told = (await program.get(f"/api/v1/jobs/{job_id}")).json()
    assert told == job_json(await road.ledger.job(job_id), road.storage)
    assert (await program.get("/api/v1/jobs")).json() == {"jobs": [told], "next": None, "looked_to": None}
    assert [each["verdict"] for each in told["deliveries"]] == ["unsigned"]
    assert (told["status"], told["images"][0]["media_type"]) == ("delivered", "image/png")


@EVERYWHERE
async def test_jobs_are_filtered(program: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """Provider, status, tag, verdict, times and words each leave out what is not meant, alone and together."""
    old = await seed.opened("runware", "A red barn.", tags={"shoot": "spring"})
    clock.on(hours=1)
    late = await seed.delivered("fal", prompt="A blue boat.")
    await seed.came(late, refusal=StaleTimestamp("signed 412 s ago, limit 300"), body=b"old")
    assert await ids(program) == [late, old]
    assert await ids(program, provider="runware") == [old]
    assert await ids(program, status="delivered") == [late]
    assert await ids(program, tag="shoot=spring") == [old]
    assert await ids(program, verdict="refused") == [late]
    assert await ids(program, since="2026-03-01T13:00:00+01:00", until="2026-03-01T12:30:00Z") == [old]
    assert await ids(program, text="blue BOAT") == [late]
    assert await ids(program, text=f"request-{old}") == [old]
    assert await ids(program, text="blue", provider="runware") == []


@EVERYWHERE
async def test_pages_go_on_where_the_last_one_ended(program: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """`next` leads through every job once, and is null at the end."""
    made = []
    for _ in range(5):
        made.append(await seed.opened())
        clock.on(seconds=1)
    seen, cursor = list[str](), None
    for _ in range(3):
        page = (await program.get("/api/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next"]
    assert (seen, cursor) == (made[::-1], None)


@EVERYWHERE
async def test_deliveries_are_listed_and_shown(program: httpx.AsyncClient, seed: Seed) -> None:
    """Believed and refused, by job and verdict; one of them with headers and body, as text or base64."""
    job_id, other = await seed.opened(), await seed.opened("runware")
    await seed.came(job_id, body=b'{"a": "\xc3\xa9"}', headers=((b"x-what", b"caf\xc3\xa9"),))
    stale = await seed.stale(job_id)
    await seed.came(other, "runware", body=b"\xff\x00")
    every = (await program.get("/api/v1/deliveries")).json()["deliveries"]
    assert [each["verdict"] for each in every] == ["unsigned", "stale_timestamp", "unsigned"]
    assert every[1]["reason"] == "signed 412 s ago, limit 300"
    refused = (await program.get("/api/v1/deliveries", params={"verdict": "refused"})).json()["deliveries"]
    assert [each["id"] for each in refused] == [stale.delivery_id]
    assert len((await program.get("/api/v1/deliveries", params={"job_id": job_id})).json()["deliveries"]) == 2
    shown = (await program.get(f"/api/v1/deliveries/{every[2]['id']}")).json()
    assert (shown["body"], shown["body_encoding"]) == ('{"a": "é"}', "utf-8")
    assert [each["name"] for each in shown["headers"]] == ["x-what"]
    binary = (await program.get(f"/api/v1/deliveries/{every[0]['id']}")).json()
    assert (binary["body"], binary["body_encoding"]) == ("/wA=", "base64")


@EVERYWHERE
async def test_a_large_body_is_read_from_storage(program: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """What stands in storage by its hash is shown all the same, and is null when it is gone."""
    job_id, body = await seed.opened(), b"x" * (SPILL_BYTES + 1)
    stored = await road.storage.put(body)
    light = Delivery("fal", Kind.HOOK, job_id, Headers(()), b"", T0)
    arrival = Arrival(light, schemes.capability(light), body_sha256=stored.sha256, body_bytes=stored.bytes)
    where = f"/api/v1/deliveries/{(await road.ledger.record(arrival)).delivery_id}"
    assert (await program.get(where)).json()["body"] == body.decode()
    await road.storage.delete(stored.sha256)
    gone = (await program.get(where)).json()
    assert (gone["body"], gone["body_encoding"], gone["body_bytes"]) == (None, None, len(body))


@EVERYWHERE
async def test_an_image_is_its_bytes(program: httpx.AsyncClient, seed: Seed) -> None:
    """The original byte for byte, as its own first bytes say, never as a page; 304 to who has it; HEAD without."""
    data = png()
    job_id = await seed.delivered(data=data)
    where = f"/api/v1/jobs/{job_id}/images/1"
    answer = await program.get(where)
    assert (answer.content, answer.headers["content-type"]) == (data, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert (await program.get(where, headers={"if-none-match": answer.headers["etag"]})).status_code == 304
    head = await program.head(where)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(data)))
    part = await program.get(where, headers={"range": "bytes=8-15"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, data[8:16], "image/png")
    beyond = await program.get(where, headers={"range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.json()["error"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(data)}"
    for number in ("2", "0", "x", "%C2%B2"):
        assert (await program.get(f"/api/v1/jobs/{job_id}/images/{number}")).status_code == 404


@EVERYWHERE
async def test_now_is_told(program: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """Counts, the last hour, and the newest pictures as jobs."""
    job_id = await seed.delivered()
    clock.on(seconds=5)
    now = (await program.get("/api/v1/now")).json()
    assert (now["delivered"], now["waiting"], len(now["minutes"])) == (1, 0, 60)
    assert [job["id"] for job in now["latest"]] == [job_id]
    assert now["seconds"][0]["provider"] == "fal"


@EVERYWHERE
@pytest.mark.parametrize(("where", "slug"), [("jobs", "no_such_job"), ("deliveries", "no_such_delivery")])
async def test_what_is_not_there_is_404(program: httpx.AsyncClient, where: str, slug: str) -> None:
    """An id that nothing has, and what can be no id, are told alike."""
    for name in (str(uuid.uuid4()), "x", "%00", "a" * 3000):
        answer = await program.get(f"/api/v1/{where}/{name}")
        assert (answer.status_code, answer.json()["error"]) == (404, slug)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=x", "limit=1&limit=2", "stauts=failed", "status=lost", "status=", "since=2026",
        "since=2026-03-01T12:00:00", "since=1772366400", "since=0001-01-01T00:00:00%2B23:59", "until=", "cursor=zz",
        "cursor=", "provider=FAL!", "text=%00", "text=%ff", f"text={'x' * 201}", "tag=",
    ],
)  # fmt: skip
async def test_bad_parameters_are_400(program: httpx.AsyncClient, query: str) -> None:
    """A filter that is not understood would answer another question: it is refused."""
    answer = await program.get(f"/api/v1/jobs?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")
    assert answer.json()["type"] == "urn:proofhook:problem:malformed"


@pytest.mark.parametrize("path", ["now", "events", "openapi.json", "deliveries", "jobs/x/evidence"])
async def test_no_route_swallows_a_parameter(program: httpx.AsyncClient, path: str) -> None:
    """A slip of the pen is refused by name, also where no parameter is taken."""
    answer = await program.get(f"/api/v1/{path}?wiat=1")
    assert (answer.status_code, "'wiat'" in answer.json()["detail"]) == (400, True)
