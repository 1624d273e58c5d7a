"""Deliveries page by page, newest first: all that came in, or those of one provider, verdict or job."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, select

from receiver.errors import NoSuchDelivery
from receiver.ledger import cursors, matching, tables, views
from receiver.ledger.evidence import can_name
from receiver.ledger.matching import REFUSED
from receiver.ledger.narrowing import refusals
from receiver.ledger.pacing import Pace
from receiver.ledger.rows import one
from receiver.ledger.searching import DeliveryDetail, DeliveryPage

Conditions = Sequence[ColumnElement[bool]]


def came_in(
    connection: Connection, provider: str = "", verdict: str = "", job_id: str = "", cursor: str = "", limit: int = 50
) -> DeliveryPage:
    """One page; what is empty says nothing, and the verdict `refused` is every refusal. Raises Malformed."""
    matching.check_names(provider, verdict, job_id)
    after = cursors.delivery(cursor)
    looking = _Looking(connection, _lanes(connection, verdict, job_id), _others(provider, verdict, job_id))
    if looking.others and not job_id:
        return _scan(looking, after, limit)
    return _full(connection, looking.ids(after, "", limit + 1), limit)


def detail(connection: Connection, delivery_id: str) -> DeliveryDetail:
    """Raises NoSuchDelivery."""
    row = one(connection, tables.delivery, id=delivery_id) if can_name(delivery_id) else None
    if row is None:
        raise NoSuchDelivery("there is no such delivery; `proofhook deliveries` lists those there are")
    return DeliveryDetail(views.delivery_view(row), row["body"], row["key_fingerprint"])


def _lanes(connection: Connection, verdict: str, job_id: str) -> list[Conditions]:
    """Conditions under which an index has deliveries in the order of pages: which are wanted stand in one of them."""
    delivery = tables.delivery.c
    if job_id:
        return [[delivery.job_id == job_id]]
    if not verdict or verdict in views.USUAL:
        return [[]]
    slugs = refusals(connection) if verdict == REFUSED else [verdict]
    return [[and_(tables.RARE, delivery.verdict == slug)] for slug in slugs]


def _others(provider: str, verdict: str, job_id: str) -> Conditions:
    """What the lanes do not say."""
    delivery, found = tables.delivery.c, list[ColumnElement[bool]]()
    found += [delivery.provider == provider] if provider else []
    if verdict in views.USUAL or (verdict and job_id):
        found += [matching.of_verdict(verdict)]
    return found


def _scan(looking: "_Looking", after: str | None, limit: int) -> DeliveryPage:
    """Look at deliveries, newest first, until the page is full, or for long enough."""
    found, pace = list[str](), Pace()
    while True:
        edge = looking.edge(after, pace.step)
        found += looking.ids(after, edge)
        if len(found) > limit or not edge:
            return _full(looking.connection, found, limit)
        if pace.is_over():
            page = _full(looking.connection, found, limit)
            return replace(page, next=cursors.of_delivery(edge), looked_to=looking.received(edge))
        after = edge


def _full(connection: Connection, ids: Sequence[str], limit: int) -> DeliveryPage:
    """Of one more than fit on the page the last says that there is a next one."""
    following = cursors.of_delivery(ids[limit - 1]) if len(ids) > limit else ""
    return DeliveryPage(views.named_deliveries(connection, ids[:limit]), following)


@dataclass(frozen=True, slots=True)
class _Looking:
    """Looks along the lanes for what the other conditions let pass, over one connection."""

    connection: Connection
    lanes: Sequence[Conditions]
    others: Conditions

    def edge(self, after: str | None, step: int) -> str:
        """Down to where no lane is to be looked at for more than so many rows; empty for the end."""
        delivery, found = tables.delivery.c, [""]
        for lane in self.lanes:
            query = select(delivery.id).where(*lane, *self._behind(after, "")).order_by(delivery.id.desc())
            found.append(self.connection.execute(query.offset(step - 1).limit(1)).scalar() or "")
        return max(found)

    def ids(self, after: str | None, edge: str, limit: int | None = None) -> list[str]:
        """What is wanted, newest first, of those behind `after` down to `edge`."""
        delivery, found = tables.delivery.c, list[str]()
        for lane in self.lanes:
            query = select(delivery.id).where(*lane, *self.others, *self._behind(after, edge))
            found += self.connection.execute(query.order_by(delivery.id.desc()).limit(limit)).scalars()
        return sorted(found, reverse=True)

    def received(self, delivery_id: str) -> datetime | None:
        """When that one came."""
        delivery = tables.delivery.c
        at: datetime | None = self.connection.execute(
            select(delivery.received_at).where(delivery.id == delivery_id)
        ).scalar()
        return at

    @staticmethod
    def _behind(after: str | None, edge: str) -> Conditions:
        delivery = tables.delivery.c
        return [*([delivery.id < after] if after else []), *([delivery.id >= edge] if edge else [])]
