"""A delivery as it was written down, with all that it takes to run it once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from receiver.errors import Impossible, NoSuchDelivery
from receiver.ledger import tables
from receiver.ledger.columns import header_lines
from receiver.ledger.evidence import raw
from receiver.ledger.rows import one
from receiver.wire.types import Headers, Kind


@dataclass(frozen=True, slots=True)
class Kept:
    """`body` is None where its bytes stand in storage by `body_sha256`; `job` are the columns of its job."""

    id: str
    provider: str
    kind: Kind
    verdict: str
    received_at: datetime
    headers: Headers
    body: bytes | None
    body_sha256: str
    body_bytes: int
    job: dict[str, Any]


def kept(connection: Connection, delivery_id: str) -> Kept:
    """Raises NoSuchDelivery, and Impossible where its job is kept no longer."""
    row = one(connection, tables.delivery, id=delivery_id)
    job = one(connection, tables.job, id=row["job_id"]) if row else None
    if row is None or job is None:
        raise NoSuchDelivery(f"there is no delivery {delivery_id}; `proofhook deliveries` lists those there are")
    purge = one(connection, tables.purge, job_id=job["id"])
    if purge is not None and purge["purged_at"] >= row["received_at"]:
        day = f"{purge['purged_at']:%Y-%m-%d}"
        raise Impossible(f"job {job['id']} was purged on {day}: the bytes of this delivery are not kept any more")
    facts = {name: row[name] for name in Kept.__dataclass_fields__ if name in row}
    return Kept(**facts | {"kind": Kind(row["kind"]), "headers": Headers(header_lines(row["headers"])), "job": job})


def came(connection: Connection, delivery_id: str, job_id: str | None) -> object:
    """When a delivery of that job came, as the database has it; None where there is none."""
    delivery = tables.delivery.c
    column = raw(delivery.received_at, file=connection.dialect.name == "sqlite")
    mine = (delivery.id == delivery_id) & (delivery.job_id == job_id)
    return connection.execute(select(column).where(mine)).scalar()
