import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from receiver.app import App
from receiver.errors import LedgerBusy
from receiver.road import Road
from receiver.tally import BOUNDS, MOST_NOTED, Histogram, Tally
from tests.receiver.api.conftest import VIEWER
from tests.receiver.house import House
from tests.receiver.pages.seeding import ADMIN, Clock, Seed
from tests.receiver.test_worker import house

__all__ = ["house"]

Sample = tuple[str, frozenset[tuple[str, str]]]


def read(text: str) -> dict[Sample, float]:
    """Every sample by name and labels, as Prometheus' own parser reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    return (f"proofhook_{name}", frozenset(labels.items()))


async def test_answers_are_counted_by_provider_and_reason(house: House) -> None:
    """Believed, repeated, refused, a URL that nobody made: each with its reason, and the steps of what was taken."""
    job = await house.place()
    assert [(await house.fal(job)).status_code for _ in range(2)] == [200, 200]
    assert (await house.fal(job, timestamp="1")).status_code == 401
    assert (await house.client.post("/hooks/fal/x.y", content=b"{}")).status_code == 404
    assert (await house.client.get("/hooks/fal/x.y")).status_code == 405
    told = read((await house.client.get("/metrics", headers={"host": "127.0.0.1:8000"})).text)
    for provider, reason in (("fal", "recorded"), ("fal", "duplicate"), ("fal", "stale_timestamp")):
        assert told[sample("deliveries_total", door="hooks", provider=provider, reason=reason)] == 1
    for reason in ("unknown_endpoint", "method_not_allowed"):
        assert told[sample("deliveries_total", door="hooks", provider="", reason=reason)] == 1
    steps = {step: told[sample("road_step_seconds_count", step=step)] for step in ("body", "verify", "record", "whole")}
    assert steps == {"body": 3, "verify": 2, "record": 3, "whole": 5}
    assert told[sample("road_step_seconds_bucket", step="whole", le="+Inf")] == 5
    assert told[sample("road_step_seconds_sum", step="whole")] > 0


async def test_the_ledger_is_told_of(program: httpx.AsyncClient, seed: Seed, clock: Clock) -> None:
    """Gauges of now: what is under way, how old, how quick; and the process's own memory."""
    await seed.delivered()
    await seed.opened("runware")
    clock.on(seconds=90)
    told = read((await program.get("/metrics")).text)
    assert told[sample("ledger_up")] == told[sample("waiting")] == told[sample("day", what="delivered")] == 1
    assert told[sample("oldest_out_age_seconds")] == pytest.approx(90.36)
    assert told[sample("delivered_median_seconds", provider="fal")] > 0
    assert told["process_resident_memory_bytes", frozenset()] > 0


async def test_a_ledger_that_is_away_is_told_of(
    program: httpx.AsyncClient, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape is answered all the same: then more than ever."""

    async def away(_now: object) -> None:
        raise LedgerBusy("the database does not answer right now")

    monkeypatch.setattr(road.ledger, "now_view", away)
    answer = await program.get("/metrics")
    assert (answer.status_code, read(answer.text)[sample("ledger_up")]) == (200, 0)


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        (("127.0.0.1", 1), {}, 200), (("::1", 1), {"host": "[::1]:8000"}, 200), (("127.3.2.1", 1), {}, 200),
        (("127.0.0.1", 1), {"host": "localhost"}, 200),
        (("127.0.0.1", 1), {"x-forwarded-for": "127.0.0.1"}, 401), (("127.0.0.1", 1), {"forwarded": "for=_x"}, 401),
        (("127.0.0.1", 1), {"x-real-ip": "::1"}, 401), (("127.0.0.1", 1), {"via": "1.1 somewhere"}, 401),
        (("127.0.0.1", 1), {"host": "hooks.example"}, 401), (("192.0.2.7", 1), {}, 401), (None, {}, 401),
        (("192.0.2.7", 1), {"authorization": f"Bearer {VIEWER}"}, 200),
        (("127.0.0.1", 1), {"x-forwarded-for": "x", "authorization": f"Bearer {ADMIN}"}, 200),
        (("192.0.2.7", 1), {"authorization": "Bearer wrong"}, 401),
    ],
)  # fmt: skip
async def test_who_may_scrape(road: Road, client: tuple[str, int], headers: dict[str, str], status: int) -> None:
    """This machine itself, or a token. Behind a proxy everybody comes from this machine: its headers, or Host, tell."""
    transport = httpx.ASGITransport(App(road), client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asking:
        assert (await asking.get("/metrics", headers=headers)).status_code == status


async def test_one_address_and_two_methods(program: httpx.AsyncClient) -> None:
    """HEAD is GET without a body; nothing else is there."""
    assert (await program.head("/metrics")).content == b""
    assert (await program.post("/metrics")).headers["allow"] == "GET, HEAD"
    assert (await program.get("/metrics/x")).status_code == 404


async def test_openmetrics_is_spoken(program: httpx.AsyncClient) -> None:
    """Whoever asks for OpenMetrics gets it; others the text format."""
    plain = await program.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    other = await program.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert other.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert other.text.endswith("# EOF\n")


def test_times_fall_into_their_buckets() -> None:
    """A time that is equal to a bound is within it; what is longer than all of them is counted, too."""
    histogram = Histogram()
    histogram.add([BOUNDS[0], BOUNDS[-1] + 1, 0.0, BOUNDS[0] + 1e-9])
    histogram.add([BOUNDS[-1]])
    assert (histogram.counts[0], histogram.counts[1], histogram.counts[-2], histogram.counts[-1]) == (2, 1, 1, 1)
    assert sum(histogram.counts) == 5
    assert histogram.sum == pytest.approx(2 * BOUNDS[0] + 2 * BOUNDS[-1] + 1)


def test_notes_do_not_grow_without_end() -> None:
    """Nobody may ever scrape; then notes are folded by themselves, and none is lost."""
    tally = Tally()
    for _ in range(MOST_NOTED * 3):
        tally.answered("hooks", "fal", "recorded", 0.001)
        tally.recorded(0.001)
    assert max(len(tally.whole), len(tally.record)) <= MOST_NOTED
    assert [sum(tally.fold()[step].counts) for step in ("whole", "record")] == [MOST_NOTED * 3] * 2
