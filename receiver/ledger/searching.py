"""Jobs that somebody looks for, page by page, newest first, however many there are.

What an index finds is found by it. All else (words, tags, verdicts, two filters at once) is looked for among the
newest jobs first, and only so far in one go: the reader is told how far, and goes on from there.
"""

from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, literal, select, tuple_

from receiver.ledger import cursors, matching, narrowing, tables, views
from receiver.ledger.cursors import Position
from receiver.ledger.pacing import Pace
from receiver.ledger.views import DeliveryView, JobView


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs; what is empty or None says nothing.

    `tag` is `name` or `name=value`. `verdict`: with a delivery of that verdict; `refused` is every refusal.
    `since` is the first time, `until` the first no more. `text` stands in the prompt, in either case of its letters;
    or the job's id or request id begins with it: where one does, that is meant, and no word of a prompt.
    """

    provider: str = ""
    status: str = ""
    tag: str = ""
    verdict: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class JobPage:
    """`next` is the cursor of the page after, empty at the end.

    `looked_to` is set where the page is not full and there is more to look at: all jobs down to that time were.
    """

    jobs: tuple[JobView, ...]
    next: str
    looked_to: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """As JobPage, of deliveries."""

    deliveries: tuple[DeliveryView, ...]
    next: str
    looked_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """One delivery as it came. `body` is None where it stands in storage, by `view.body_sha256`, or was purged."""

    view: DeliveryView
    body: bytes | None
    key_fingerprint: str | None


class _Way(NamedTuple):
    """How an index has jobs in the order of pages, `by` a condition of its own; what else is wanted is hidden from
    the planner, which might choose another index for it, and sort.
    """

    by: list[ColumnElement[bool]]
    hidden: list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class _Found:
    """Places of jobs, and the place from which to go on (None at the end). `stopped`: we did not look further."""

    places: list[Position]
    end: Position | None = None
    stopped: bool = False


def search(connection: Connection, wanted: Wanted, cursor: str = "", limit: int = 48) -> JobPage:
    """One page. Raises Malformed for a cursor that is none, and for a name that none can have."""
    matching.check_names(wanted.provider, wanted.status, wanted.verdict)
    found = _search(_Looking(connection, wanted), _start(wanted, cursors.job(cursor)), limit)
    jobs = views.named_jobs(connection, [place.id for place in found.places])
    following = cursors.of_job(found.end) if found.end else ""
    return JobPage(tuple(jobs), following, found.end.at if found.end and found.stopped else None)


def _start(wanted: Wanted, after: Position | None) -> Position | None:
    """All jobs that are wanted stand behind this place."""
    until = Position(wanted.until, "") if wanted.until else None
    return min(after, until) if after and until else after or until


def _search(looking: "_Looking", after: Position | None, limit: int) -> _Found:
    wanted, ways, pace = looking.wanted, looking.ways, Pace()
    few = narrowing.few(looking.connection, wanted.text, wanted.verdict)
    if few is not None:
        among = _Way([tables.job.c.id.in_(few)], [*ways[0].by, *ways[0].hidden])
        return _full(looking.places(among, after, None), limit)
    if len(ways) > 1 or wanted.tag or wanted.text or wanted.verdict:
        return _scan(looking, pace, after, limit)
    return _full(looking.places(ways[0], after, None, limit + 1), limit)


def _full(places: list[Position], limit: int) -> _Found:
    """Of one more than fit on the page the last says that there is a next one."""
    return _Found(places[:limit], places[limit - 1] if len(places) > limit else None)


def _scan(looking: "_Looking", pace: Pace, after: Position | None, limit: int) -> _Found:
    """Look at jobs, newest first, until the page is full, or for long enough."""
    found = list[Position]()
    while True:
        way, edge = looking.furthest(after, pace.step)
        found += looking.places(way, after, edge)
        if len(found) > limit or edge is None:
            return _full(found, limit)
        if pace.is_over():
            return _Found(found, edge, stopped=True)
        after = edge


class _Looking:
    """Looks for what is wanted, over one connection."""

    def __init__(self, connection: Connection, wanted: Wanted) -> None:
        self.connection, self.wanted = connection, wanted
        job = tables.job.c
        words = [(job.status, wanted.status), (job.provider, wanted.provider)]
        asked = [(column, word) for column, word in words if word]
        self.ways = [
            _Way([column == word], [other.concat("") == said for other, said in asked if other is not column])
            for column, word in asked
        ] or [_Way([], [])]

    def furthest(self, after: Position | None, step: int) -> tuple[_Way, Position | None]:
        """The way that so many jobs lead furthest back, and where to; None where that is the end."""
        found: list[tuple[Position, _Way]] = []
        for way in self.ways:
            query = self._newest(way.by, after, None, tables.job.c.created_at, tables.job.c.id)
            row = self.connection.execute(query.offset(step - 1).limit(1)).first()
            if row is None:
                return way, None
            found.append((Position(*row), way))
        edge, way = min(found, key=itemgetter(0))
        return way, edge

    def places(
        self, way: _Way, after: Position | None, edge: Position | None, limit: int | None = None
    ) -> list[Position]:
        """Where those jobs stand that are wanted, of those behind `after` down to `edge`; `limit` if not searched."""
        job, wanted = tables.job.c, self.wanted
        orders, tags = (matching.written(self.connection, column) for column in (job.order_json, job.tags))
        unread = literal("{}")  # what nobody asks about need not come over
        shown = (
            job.created_at,
            job.id,
            job.request_id,
            orders if wanted.text else unread,
            tags if wanted.tag else unread,
        )
        conditions = [*way.by, *way.hidden, *matching.may_match(self.connection, wanted.text, wanted.tag)]
        conditions += [matching.came(wanted.verdict)] if wanted.verdict else []
        rows = self.connection.execute(self._newest(conditions, after, edge, *shown).limit(limit))
        return [
            Position(at, name)
            for at, name, request_id, order, said in rows
            if matching.matches(wanted.text, wanted.tag, names=(name, request_id), order=order, tags=said)
        ]

    def _newest(
        self, conditions: list[ColumnElement[bool]], after: Position | None, edge: Position | None, *shown: Any
    ) -> Select[Any]:
        job = tables.job.c
        place, since = tuple_(job.created_at, job.id), self.wanted.since
        query = select(*shown).where(*conditions)
        query = query.where(place < _literal(after)) if after else query
        query = query.where(place >= _literal(edge)) if edge else query
        query = query.where(job.created_at >= since) if since else query
        return query.order_by(job.created_at.desc(), job.id.desc())


def _literal(place: Position) -> Any:
    return tuple_(literal(place.at, tables.Moment()), literal(place.id))
