"""Short cuts of a search: where an index says that only a few jobs can be meant, these are named, however old."""

import re

from sqlalchemy import ColumnElement, Connection, and_, func, select

from receiver.ledger import tables
from receiver.ledger.matching import BELIEVED, LEAST_OF_AN_ID, REFUSED, is_id_like

FEW = 500
"""Jobs up to which they are named one by one."""
_FORM = "00000000-0000-0000-0000-000000000000"
_START = re.compile("".join(f"(?:{'-' if mark == '-' else '[0-9a-f]'}" for mark in _FORM) + ")?" * len(_FORM))


def few(connection: Connection, text: str, verdict: str) -> list[str] | None:
    """Ids among which are those of all jobs that are wanted; None where there may be more than a few."""
    begun = _begun(connection, text)
    begun = _asked_for(connection, text) if begun is None else begun
    lists = [each for each in (begun, _refused(connection, verdict)) if each is not None]
    return sorted(set.intersection(*lists)) if lists else None


def refusals(connection: Connection) -> list[str]:
    """The slugs of all refusals that ever were, each found by one step into the index."""
    said, found = tables.delivery.c.verdict, [""]
    while True:
        query = select(said).where(tables.RARE, said > found[-1]).order_by(said).limit(1)
        slug = connection.execute(query).scalar()
        if slug is None:
            return [each for each in found[1:] if each not in BELIEVED]
        found.append(slug)


def _begun(connection: Connection, text: str) -> set[str] | None:
    """Jobs whose id begins so. None where there are none, too: then it is another word."""
    start = text.lower()
    if len(start) < LEAST_OF_AN_ID or not _START.fullmatch(start):
        return None
    job = tables.job.c
    first, last = (start + _FORM.replace("0", digit)[len(start) :] for digit in "0f")
    rows = connection.execute(select(job.id).where(job.id >= first, job.id <= last).limit(FEW + 1))
    found = set(rows.scalars())
    return found if 0 < len(found) <= FEW else None


def _asked_for(connection: Connection, text: str) -> set[str] | None:
    """Jobs whose request id begins so, with these letters or small ones. None where there are none, too, as above."""
    if not is_id_like(text):
        return None
    found = set[str]()
    for start in {text, text.lower()}:
        query = select(tables.job.c.id).where(*_begins(connection, start)).limit(FEW + 1)
        found.update(connection.execute(query).scalars())
    return found if 0 < len(found) <= FEW else None


def _begins(connection: Connection, start: str) -> list[ColumnElement[bool]]:
    """That a request id begins so, as its index has it: byte by byte. `start` is ASCII."""
    name, stop = tables.job.c.request_id, start[:-1] + chr(ord(start[-1]) + 1)
    if connection.dialect.name == "sqlite":
        return [name >= start, name < stop]
    return [name.bool_op("~>=~")(start), name.bool_op("~<~")(stop)]


def _refused(connection: Connection, verdict: str) -> set[str] | None:
    """Jobs with a delivery that was refused so."""
    if not verdict or verdict in BELIEVED:
        return None
    delivery, slugs = tables.delivery.c, refusals(connection) if verdict == REFUSED else [verdict]
    mine = [and_(tables.RARE, delivery.verdict == slug) for slug in slugs]
    # counted in the index alone, before any row is read for its job
    if sum(_up_to(connection, which) for which in mine) > FEW:
        return None
    rows = (connection.execute(select(delivery.job_id).where(which)).scalars() for which in mine)
    return {name for names in rows for name in names if name}


def _up_to(connection: Connection, which: ColumnElement[bool]) -> int:
    """How many deliveries there are; no more than just too many are counted."""
    some = select(tables.delivery.c.id).where(which).limit(FEW + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())
