"""A status only climbs: every order of what may come, the worker in between at every place, has one end."""

import pytest
from sqlalchemy import Connection

from receiver.ledger import jobs, tables
from receiver.ledger.ledger import Ledger
from receiver.wire.types import Event, Kind, Outcome
from tests.receiver.ledger import ledgers
from tests.receiver.ledger.ledgers import arrival, failure, image, opened, sign, success, upload
from tests.receiver.ledger.orders import Move, expires, hears, notes, play, stores, stores_one, told

UPLOADED = [str(place).encode() for place in range(3)]
"""The bytes of each place; the worker of `orders` stores an image under the hash of its key, so they are one."""


def _open(connection: Connection, **other: object) -> str:
    job_id, _ = jobs.open_job(connection, ledgers.opening(ledgers.new_job_id(), **other))
    return job_id


def _one_by_one(job_id: str, *, uploads: bool) -> list[Event]:
    """Runware's results: with upload each has its task and place, without it all are of the one task, place 0."""
    refs = [image(f"uuid-{n}", "0.01", place=n if uploads else 0) for n in range(3)]
    return [success(ref, request_id=job_id) for ref in refs]


def _runware(connection: Connection, *, uploads: bool) -> tuple[str, list[Event]]:
    job_id = _open(connection, provider="runware", upload=uploads, expected=3)
    return job_id, _one_by_one(job_id, uploads=uploads)


def _says(job_id: str, *events: Event, kind: Kind = Kind.HOOK) -> Move:
    return hears(arrival(job_id, *events, provider="runware", kind=kind))


def test_all_at_once(connection: Connection) -> None:
    """{hook, same hook, upload, late failure, answer, progress} with the worker anywhere: one end, delivered."""
    job_id = _open(connection, upload=True)
    hook = hears(arrival(job_id, success(image("uuid", "0.03", place=0))))
    answer = success(image("uuid", "0.03", place=0), name="answer", cost="0.04")
    moves = {
        "hook": hook,
        "same hook": hook,
        "upload": hears(upload(job_id, 0, b"0", provider="fal")),
        "late failure": hears(arrival(job_id, failure())),
        "answer": hears(arrival(job_id, answer, kind=Kind.ANSWER)),
        "progress": hears(arrival(job_id, sign(Outcome.PROGRESS))),
        "stored": stores,
    }

    [end] = play(connection, moves)

    row = told(end)
    assert (row["status"], row["cost_usd"], row["error_code"]) == ("'delivered'", "'0.04'", "None")
    assert (row["finished_at"], row["delivered_at"], row["ask_at"]) == ("'at'", "'at'", "None")
    assert end[2:] == (0, 6)


def test_an_acknowledgement_that_is_overtaken(connection: Connection) -> None:
    """The acknowledgement, an unclear word and the deadline may come at any place among the callbacks, too."""
    job_id = _open(connection, expected=2)
    both = success(image("0", "0.01"), image("1", "0.02"))
    moves = {
        "noted": notes(job_id, ledgers.acknowledged(cost="0.99")),
        "hook": hears(arrival(job_id, both)),
        "unclear": hears(arrival(job_id, sign(Outcome.UNCLEAR))),
        "late failure": hears(arrival(job_id, failure())),
        "expired": expires,
        "stored": stores,
        "one stored": stores_one,
    }

    [end] = play(connection, moves)

    assert (told(end)["status"], told(end)["cost_usd"]) == ("'delivered'", "'0.03'")


@pytest.mark.parametrize("uploads", [True, False])
def test_results_one_by_one(connection: Connection, *, uploads: bool) -> None:
    """Three results, a callback each, a repeat, a late failure, an answer with all of them: one end, delivered."""
    job_id, results = _runware(connection, uploads=uploads)
    moves = {f"hook {n}": _says(job_id, event) for n, event in enumerate(results)}
    moves |= {
        "same hook": moves["hook 0"],
        "late failure": _says(job_id, failure(request_id=job_id)),
        "answer": _says(job_id, *results, kind=Kind.ANSWER),
        "stored": stores,
    }

    [end] = play(connection, moves)

    assert (told(end)["status"], told(end)["cost_usd"], len(end[1])) == ("'delivered'", "'0.03'", 3)


def test_results_one_by_one_put_to_us(connection: Connection) -> None:
    """Three callbacks and three uploads, the worker after any of them: one end, delivered."""
    job_id, results = _runware(connection, uploads=True)
    moves = {f"hook {n}": _says(job_id, event) for n, event in enumerate(results)}
    moves |= {f"upload {n}": hears(upload(job_id, n, UPLOADED[n])) for n in range(3)}
    moves["stored"] = stores

    [end] = play(connection, moves)

    assert (told(end)["status"], len(end[1])) == ("'delivered'", 3)


def test_an_upload_stands_in_for_a_lost_callback(connection: Connection) -> None:
    """Two callbacks and the third result's bytes are three results, whichever comes last."""
    job_id, results = _runware(connection, uploads=True)
    moves = {f"hook {n}": _says(job_id, results[n]) for n in range(2)}
    moves |= {"upload 2": hears(upload(job_id, 2, UPLOADED[2])), "stored": stores}

    [end] = play(connection, moves)

    assert told(end)["status"] == "'delivered'"


def test_failures_in_any_order(connection: Connection) -> None:
    """Of several failures the least is kept; the results that came are kept beside it."""
    job_id, results = _runware(connection, uploads=False)
    moves = {f"hook {n}": _says(job_id, results[n]) for n in range(2)}
    moves |= {code: _says(job_id, failure(code, request_id=job_id)) for code in ("zeta", "alpha", "beta")}
    moves |= {"expired": expires, "stored": stores}

    [end] = play(connection, moves)

    assert (told(end)["status"], told(end)["error_code"], len(end[1])) == ("'failed'", "'alpha'", 2)


def test_what_is_said_of_the_whole_job_wins(connection: Connection) -> None:
    """Prices of single results never add up over a price for the whole job, and are not counted twice."""
    job_id, results = _runware(connection, uploads=False)
    moves = {f"hook {n}": _says(job_id, event) for n, event in enumerate(results)}
    moves["answer"] = _says(job_id, success(*results[0].images, name="a", request_id=job_id, cost="0.02"))
    moves["progress"] = _says(job_id, sign(Outcome.PROGRESS, job_id))

    [end] = play(connection, moves)

    assert told(end)["cost_usd"] == "'0.02'"


async def test_a_price_is_written_in_digits(ledger: Ledger) -> None:
    """The contract says decimal string: a tiny price keeps its digits and is no `1E-7`."""
    job_id = await opened(ledger)

    await ledger.record(arrival(job_id, success(image("0", "0.0000001"), image("1", "0.0000001"))))

    assert (await ledger.job(job_id)).cost_usd == "0.0000002"
    assert {row["cost_usd"] for row in ledgers.rows(ledger, tables.image)} == {"0.0000001"}


@pytest.mark.parametrize("event", [sign(Outcome.UNCLEAR), success(name="empty")])
async def test_an_unclear_word_schedules_a_question(ledger: Ledger, event: Event) -> None:
    """UNCLEAR, and a success that announces nothing, are asked about at once."""
    job_id = await opened(ledger)

    await ledger.record(arrival(job_id, event))

    assert ledgers.job_row(ledger, job_id)["ask_at"] == ledgers.NOW


async def test_an_upload_is_waited_for(ledger: Ledger) -> None:
    """A result that will be PUT to us is fetched by its URL only after a while; the bytes make it due at once."""
    job_id = await opened(ledger, provider="runware", upload=True)
    await ledger.record(arrival(job_id, success(image("u", place=0), request_id=job_id), provider="runware"))

    waiting = await ledger.is_due(ledgers.NOW)
    await ledger.record(upload(job_id, 0, b"png"))

    assert (waiting, await ledger.is_due(ledgers.NOW)) == (False, True)
