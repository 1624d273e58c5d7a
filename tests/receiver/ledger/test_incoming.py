"""Deliveries page by page: all that came in, refused ones among them, and one with its bytes."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from receiver.errors import BadSignature, Malformed, NoSuchDelivery, StaleTimestamp
from receiver.ledger import incoming, pacing, tables
from receiver.ledger.ids import delivery_id
from receiver.ledger.ledger import Ledger
from receiver.ledger.searching import Wanted
from receiver.wire.types import Kind, Outcome
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import NOW, arrival, opened, refused, sign

SECOND = timedelta(seconds=1)
VERDICTS = ("verified", "unsigned", "asked", "bad_signature", "stale_timestamp")
LANES: tuple[dict[str, str], ...] = (
    {}, {"verdict": "refused"}, {"verdict": "verified"}, {"verdict": "asked"}, {"verdict": "bad_signature"},
    {"provider": "fal"}, {"provider": "fal", "verdict": "refused"}, {"provider": "fal", "verdict": "unsigned"},
    {"job_id": "j"}, {"job_id": "j", "provider": "fal", "verdict": "refused"},
)  # fmt: skip


def _put(connection: Connection, at: datetime, provider: str, verdict: str, job_id: str) -> str:
    """A delivery, straight into the table."""
    name = delivery_id(at)
    facts = {"id": name, "received_at": at, "provider": provider, "job_id": job_id, "kind": "hook", "verdict": verdict}
    rest = {"headers": b"", "body": b"", "body_sha256": "", "body_bytes": 0, "repeats": 0}
    connection.execute(tables.delivery.insert().values(**facts, **rest))
    return name


def _is(row: tuple[str, str, str], wanted: dict[str, str]) -> bool:
    """Whether a delivery (provider, verdict, job) is wanted, said once more in plain words."""
    provider, verdict, job_id = row
    refusal = verdict in {"bad_signature", "stale_timestamp"}
    said = wanted.get("verdict", verdict)
    return (
        wanted.get("provider", provider) == provider
        and wanted.get("job_id", job_id) == job_id
        and (refusal if said == "refused" else said == verdict)
    )


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["fal", "vtrix"]), st.sampled_from(VERDICTS), st.sampled_from("jk")), max_size=14
    ),
    limit=st.integers(1, 5),
    bound=st.sampled_from([1, 3, 20_000]),
)  # fmt: skip
def test_pages_skip_nothing_and_repeat_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str, str]], limit: int, bound: int
) -> None:
    """Whichever are wanted: each that stood at the start is shown once, the newest first, while new ones come in."""
    for name, value in {"MOST": bound, "FIRST": 2, "LARGEST": 4}.items():
        monkeypatch.setattr(pacing, name, value)
    for wanted in LANES:
        with connection.begin_nested() as example:
            ids = [_put(connection, NOW + SECOND * n, *row) for n, row in enumerate(rows)]
            shown, cursor = list[str](), ""
            while True:
                page = incoming.came_in(connection, **wanted, cursor=cursor, limit=limit)
                shown += [each.id for each in page.deliveries]
                assert len(page.deliveries) <= limit
                if not (cursor := page.next):
                    break
                for verdict in VERDICTS:
                    _put(connection, NOW + timedelta(hours=1), "fal", verdict, "j")
            example.rollback()
        assert shown == [name for name, row in zip(ids, rows, strict=True) if _is(row, wanted)][::-1]


async def test_a_delivery_has_its_bytes(ledger: Ledger) -> None:
    """As it came: every header, the body or, where it stands in storage, its hash; and what it was found to be."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, sign(Outcome.PROGRESS), body=b"small"))
    await ledger.record(ledgers.refused(job_id, BadSignature("no"), body=b"junk"))
    await ledger.record(arrival(job_id, sign(Outcome.UNCLEAR), body_sha256="f" * 64, body_bytes=70_000))

    page = await ledger.came_in(job_id=job_id)
    details = [await ledger.delivery(each.id) for each in page.deliveries]

    assert [detail.view for detail in details] == list(page.deliveries) == list(await ledger.deliveries(job_id=job_id))
    assert {detail.body for detail in details} == {b"small", b"junk", None}
    [spilled] = [detail.view for detail in details if detail.body is None]
    assert (spilled.body_sha256, spilled.body_bytes) == ("f" * 64, 70_000)
    assert spilled.headers == (("host", "x"), ("via", "ÿ"))


@pytest.mark.parametrize("name", ["no such thing", "\x00", "\ud800", ""])
async def test_a_delivery_that_is_not_there(ledger: Ledger, name: str) -> None:
    """Is said to be none, with the command that lists those there are."""
    with pytest.raises(NoSuchDelivery, match="proofhook deliveries"):
        await ledger.delivery(name)


async def test_asked_is_no_refusal(ledger: Ledger) -> None:
    """An answer that we asked for was let in, though it stands in the index of what is rare."""
    job_id = await opened(ledger)
    await ledger.record(arrival(job_id, sign(Outcome.PROGRESS), kind=Kind.ANSWER))
    await ledger.record(refused(job_id, StaleTimestamp("late")))

    found = await ledger.came_in(verdict="refused")

    assert [each.verdict for each in found.deliveries] == ["stale_timestamp"]


async def test_a_long_look_stops_and_goes_on(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many deliveries a page ends though it is not full, and says down to which time all were looked at."""
    for name in ("MOST", "FIRST", "LARGEST"):
        monkeypatch.setattr(pacing, name, 2)
    job_id = await opened(ledger)
    for n in range(3):
        came = refused(job_id, BadSignature("no"), body=b"%d" % n)
        await ledger.record(replace(came, delivery=replace(came.delivery, received_at=NOW + SECOND * n)))

    page = await ledger.came_in(provider="vtrix")
    after = await ledger.came_in(provider="vtrix", cursor=page.next)

    assert (page.deliveries, page.looked_to) == ((), NOW + SECOND)
    assert (after.deliveries, after.next, after.looked_to) == ((), "", None)


async def test_a_cursor_of_jobs_is_none_of_deliveries(ledger: Ledger) -> None:
    """Nor is junk."""
    await opened(ledger)
    await opened(ledger)
    cursor = (await ledger.search(Wanted(), limit=1)).next

    for each in (cursor, "junk"):
        with pytest.raises(Malformed, match="cursor"):
            await ledger.came_in(cursor=each)
