"""Jobs that somebody looks for: what each filter finds, page by page, and that no search takes forever."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from receiver.errors import BadSignature, Malformed, StaleTimestamp
from receiver.ledger import jobs, matching, narrowing, pacing, searching
from receiver.ledger.ledger import Ledger
from receiver.ledger.searching import JobPage, Wanted
from receiver.wire.types import Failure, Kind
from tests.receiver.ledger.ledgers import (
    NOW,
    acknowledged,
    arrival,
    collect_all,
    image,
    new_job_id,
    opened,
    opening,
    refused,
    success,
)

SECOND = timedelta(seconds=1)
HOSTILE = '<script>"\\ 100%_!\x00\ud800 Ünïcødé ß 🍩\u202e'
ONE_BY_ONE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Every example has a savepoint of its own."""


PAGED = (
    Wanted(), Wanted(provider="fal"), Wanted(provider="fal", status="pending"), Wanted(tag="a=b"), Wanted(text="donut"),
    Wanted(until=NOW + 5 * SECOND), Wanted(since=NOW + SECOND),
)  # fmt: skip


async def seeded(ledger: Ledger) -> list[str]:
    """Five jobs, a second apart, the oldest first."""
    more: list[dict[str, Any]] = [
        {"order": {"prompt": "A red donut"}, "tags": {"team": "a"}},
        {"order": {"prompt": "a Red barn, 100% wood"}, "tags": {"team": "b", "k": ""}, "provider": "vtrix"},
        {"order": {"prompt": "ein blauer Ofen über dem Café"}, "tags": {"team": "a=b"}},
        {"order": {"prompt": None, "model": "red"}, "provider": "runware"},
        {"order": {"prompt": HOSTILE}, "tags": {'"': "\\"}},
    ]
    ids = [await opened(ledger, created_at=NOW + SECOND * n, **other) for n, other in enumerate(more)]
    await ledger.record(refused(ids[0], BadSignature("no")))
    await ledger.record(arrival(ids[0], success(image())))
    await ledger.record(refused(ids[1], StaleTimestamp("late"), provider="vtrix"))
    await ledger.record(arrival(ids[1], success(image()), kind=Kind.ANSWER, provider="vtrix"))
    await ledger.failed(ids[2], Failure("no", "no"), NOW)
    await ledger.noted(ids[3], acknowledged("provider-gave-this"), NOW)
    await collect_all(ledger)
    return ids


FOUND: dict[str, tuple[Wanted, list[int]]] = {
    "all": (Wanted(), [4, 3, 2, 1, 0]),
    "provider": (Wanted(provider="fal"), [4, 2, 0]),
    "status": (Wanted(status="delivered"), [1, 0]),
    "provider and status": (Wanted(provider="fal", status="delivered"), [0]),
    "since": (Wanted(since=NOW + 3 * SECOND), [4, 3]),
    "until": (Wanted(until=NOW + SECOND), [0]),
    "from and to": (Wanted(since=NOW + SECOND, until=NOW + 3 * SECOND, provider="fal"), [2]),
    "tag": (Wanted(tag="team"), [2, 1, 0]),
    "tag of a value": (Wanted(tag="team=a"), [0]),
    "tag of a value with =": (Wanted(tag="team=a=b"), [2]),
    "tag of an empty value": (Wanted(tag="k="), [1]),
    "tag in quotes": (Wanted(tag='"=\\'), [4]),
    "tag in other case": (Wanted(tag="TEAM=a"), []),
    "verdict": (Wanted(verdict="bad_signature"), [0]),
    "verdict believed": (Wanted(verdict="unsigned"), [0]),
    "verdict asked": (Wanted(verdict="asked"), [1]),
    "refused": (Wanted(verdict="refused"), [1, 0]),
    "refused by provider": (Wanted(verdict="refused", provider="vtrix"), [1]),
    "verdict never seen": (Wanted(verdict="too_large"), []),
    "words": (Wanted(text="red"), [1, 0]),
    "words in capitals": (Wanted(text="A RED"), [1, 0]),
    "letters beyond ASCII in either case": (Wanted(text="ÜBER dem cafÉ"), [2]),
    "a name in the JSON is no word": (Wanted(text="prompt"), []),
    "a percent sign": (Wanted(text="0%"), [4, 1]),
    "an underline": (Wanted(text="%_!"), [4]),
    "hostile words": (Wanted(text=HOSTILE), [4]),
    "NUL": (Wanted(text="\x00"), [4]),
    "half a letter": (Wanted(text="\ud800"), [4]),
    "a picture letter": (Wanted(text="🍩"), [4]),
    "request id": (Wanted(text="PROVIDER-GAVE"), [3]),
    "too short for a request id": (Wanted(text="provide"), []),
    "all at once": (
        Wanted("fal", "delivered", "team=a", "refused", NOW, NOW + SECOND, "donut"), [0],
    ),
}  # fmt: skip


async def test_each_filter_finds_what_it_names(ledger: Ledger) -> None:
    """Newest first; what is empty says nothing; several filters all hold."""
    ids = await seeded(ledger)

    found = {name: (await ledger.search(wanted)).jobs for name, (wanted, _) in FOUND.items()}

    assert {name: [ids.index(job.id) for job in jobs] for name, jobs in found.items()} == {
        name: numbers for name, (_, numbers) in FOUND.items()
    }


async def test_a_page_shows_pictures(ledger: Ledger) -> None:
    """A job on a page has its images, as `job` has them."""
    ids = await seeded(ledger)

    page = await ledger.search(Wanted(text="red donut"))

    assert page.jobs == (replace(await ledger.job(ids[0]), deliveries=()),)
    assert len(page.jobs[0].pictures) == 1


async def test_an_id_is_found_by_its_start(ledger: Ledger) -> None:
    """However old: by eight characters or more, whole, in capitals; and within the other filters."""
    ids = await seeded(ledger)

    found = {length: await ledger.search(Wanted(text=ids[0][:length].upper())) for length in (8, 9, 14, 36)}

    assert {length: [job.id for job in page.jobs] for length, page in found.items()} == {
        length: [ids[0]] for length in found
    }
    assert not (await ledger.search(Wanted(text=ids[0], status="failed"))).jobs
    assert not (await ledger.search(Wanted(text=ids[0][:7]))).jobs


async def test_a_request_id_is_found_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However old, by its start in either case; a word that begins none is looked for in the prompts."""
    for name in ("MOST", "FIRST", "LARGEST"):
        monkeypatch.setattr(pacing, name, 1)
    old = [await opened(ledger) for _ in range(2)]
    for job_id, request_id in zip(old, ("task_Old-1", "task_old-2"), strict=True):
        await ledger.noted(job_id, acknowledged(request_id), NOW)
    for n in range(3):
        await opened(ledger, created_at=NOW + SECOND * (n + 1), order={"prompt": "task_none"})

    found = {text: await ledger.search(Wanted(text=text)) for text in ("task_Old", "TASK_OLD-2", "task_old-1")}

    assert {text: [job.id for job in page.jobs] for text, page in found.items()} == {
        "task_Old": sorted(old, reverse=True),
        "TASK_OLD-2": [old[1]],
        "task_old-1": [],
    }
    assert found["task_old-1"].looked_to  # no id begins with these letters: jobs are gone through, as for a word
    assert len((await ledger.search(Wanted(text="task_none"))).jobs) == 1


@pytest.mark.parametrize("few", [0, 500])
async def test_short_cuts_find_the_same(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Whether there are few refusals and few ids of that start, or many: the jobs are the same."""
    monkeypatch.setattr(narrowing, "FEW", few)
    ids = await seeded(ledger)

    found = [
        await ledger.search(Wanted(text=text, verdict=verdict))
        for text, verdict in ((ids[1], "refused"), (ids[1][:8], ""))
    ]

    assert [[job.id for job in page.jobs] for page in found] == [[ids[1]], [ids[1]]]


@pytest.mark.parametrize("cursor", ["junk", "x" * 1000, "é", "\ud800", " "])
async def test_a_cursor_that_is_none_is_malformed(ledger: Ledger, cursor: str) -> None:
    """Refused before anything is looked at."""
    with pytest.raises(Malformed, match="cursor"):
        await ledger.search(Wanted(), cursor)


@pytest.mark.parametrize("name", ["\x00", "\ud800", "fal\x00"])
async def test_a_name_that_none_can_have_is_malformed(ledger: Ledger, name: str) -> None:
    """A database that does not take it is not busy, and nothing of it reaches the person who asked."""
    for wanted in (Wanted(provider=name), Wanted(status=name), Wanted(verdict=name)):
        with pytest.raises(Malformed, match="filter"):
            await ledger.search(wanted)
    for names in ((name, "", ""), ("", name, ""), ("", "", name)):
        with pytest.raises(Malformed, match="filter"):
            await ledger.came_in(*names)
    assert not (await ledger.search(Wanted(tag=f"{name}={name}", text=name))).jobs


def _walk(read: Callable[[str], JobPage], meanwhile: Callable[[], object] = lambda: None) -> list[JobPage]:
    """Every page; `meanwhile` happens between two."""
    pages = [read("")]
    while pages[-1].next:
        meanwhile()
        pages.append(read(pages[-1].next))
    return pages


@ONE_BY_ONE
@given(
    offsets=st.lists(st.integers(0, 6), max_size=14),
    limit=st.integers(1, 5),
    wanted=st.sampled_from(PAGED),
    bound=st.sampled_from([1, 3, 20_000]),
)  # fmt: skip
def test_pages_skip_nothing_and_repeat_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, offsets: list[int], limit: int, wanted: Wanted, bound: int
) -> None:
    """While jobs come in, also such as share their time: every job that stood at the start is shown once, in order."""
    for name, value in {"MOST": bound, "FIRST": 2, "LARGEST": 4}.items():
        monkeypatch.setattr(pacing, name, value)
    with connection.begin_nested() as example:
        facts = [opening(new_job_id(), created_at=NOW + SECOND * at, tags={"a": "b"}) for at in offsets]
        for each in facts:
            jobs.open_job(connection, each)

        def more() -> None:
            jobs.open_job(connection, opening(new_job_id(), created_at=NOW + 9 * SECOND, tags={"a": "b"}))

        pages = _walk(lambda cursor: searching.search(connection, wanted, cursor, limit), more)
        example.rollback()
    stood = [each for each in facts if (wanted.since or NOW) <= each.created_at < (wanted.until or NOW + 8 * SECOND)]
    order = sorted(((each.created_at, each.id) for each in stood), reverse=True)
    assert [job.id for page in pages for job in page.jobs] == [name for _, name in order]
    assert all(len(page.jobs) <= limit for page in pages)


async def test_a_long_search_stops_and_goes_on(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many jobs a page ends though it is not full; it says down to which time all were looked at."""
    for name in ("MOST", "FIRST", "LARGEST"):
        monkeypatch.setattr(pacing, name, 2)
    ids = [await opened(ledger, created_at=NOW + SECOND * n, order={"prompt": f"p{n}"}) for n in range(7)]

    pages = [await ledger.search(Wanted(text="p1"))]
    while pages[-1].next:
        pages.append(await ledger.search(Wanted(text="p1"), pages[-1].next))

    assert [[job.id for job in page.jobs] for page in pages] == [[], [], [ids[1]], []]
    assert [page.looked_to for page in pages] == [NOW + 5 * SECOND, NOW + 3 * SECOND, NOW + SECOND, None]


async def test_a_slow_search_stops_too(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over no further query begins, and the reader may go on."""
    monkeypatch.setattr(pacing, "PATIENCE", 0.0)
    monkeypatch.setattr(pacing, "FIRST", 1)
    for n in range(3):
        await opened(ledger, created_at=NOW + SECOND * n)

    page = await ledger.search(Wanted(text="no such words"))

    assert (page.jobs, page.looked_to) == ((), NOW + 2 * SECOND)
    assert page.next


@given(prompt=st.text(max_size=40), ends=st.tuples(st.integers(0, 39), st.integers(1, 40)))
@ONE_BY_ONE
def test_any_part_of_a_prompt_finds_it(connection: Connection, prompt: str, ends: tuple[int, int]) -> None:
    """Whatever letters it has."""
    text = prompt[ends[0] : ends[1]]
    with connection.begin_nested() as example:
        jobs.open_job(connection, opening(new_job_id(), order={"prompt": prompt}))
        found = searching.search(connection, Wanted(text=text))
        example.rollback()
    assert len(found.jobs) == 1


def test_an_id_is_a_word_and_not_too_short() -> None:
    """Or each prompt with a short word in it would be mistaken for the search for an id."""
    assert [matching.is_id_like(text) for text in ("abcdefg", "abcdefgh", "abcd efgh", "")] == [
        False,
        True,
        False,
        False,
    ]
