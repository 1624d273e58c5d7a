"""Short cuts of a search: where an index says that only a few jobs can be meant, these are named, however old."""

import re

from sqlalchemy import Connection, and_, select

from receiver.ledger import tables
from receiver.ledger.matching import BELIEVED, LEAST_OF_AN_ID, REFUSED

FEW = 500
"""Jobs up to which they are named one by one."""
_FORM = "00000000-0000-0000-0000-000000000000"
_START = re.compile("".join(f"(?:{'-' if mark == '-' else '[0-9a-f]'}" for mark in _FORM) + ")?" * len(_FORM))


def few(connection: Connection, text: str, verdict: str) -> list[str] | None:
    """Ids among which are those of all jobs that are wanted; None where there may be more than a few."""
    lists = [each for each in (_begun(connection, text), _refused(connection, verdict)) if each is not None]
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


def _refused(connection: Connection, verdict: str) -> set[str] | None:
    """Jobs with a delivery that was refused so."""
    if not verdict or verdict in BELIEVED:
        return None
    delivery, found = tables.delivery.c, set[str]()
    for slug in refusals(connection) if verdict == REFUSED else [verdict]:
        mine = and_(tables.RARE, delivery.verdict == slug, delivery.job_id.is_not(None))
        rows = connection.execute(select(delivery.job_id).where(mine).order_by(delivery.id).limit(FEW + 1)).scalars()
        names = [name for name in rows if name]
        found.update(names)
        if len(names) > FEW or len(found) > FEW:
            return None
    return found
