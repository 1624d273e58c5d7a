"""Databases to start from: N submitted jobs, written in bulk; for ours, the naive one, and ours with a long history."""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from sqlmodel import Session, SQLModel, create_engine

from benchmarks import naive
from benchmarks.signing import job_id, request_id
from receiver.ledger import jobs, sending, tables
from receiver.ledger.database import connect
from receiver.ledger.schema import migrate
from receiver.wire.orders import Acknowledged

CHUNK = 5000
NO_QUESTION = 2 * jobs.LONGEST_WAIT - timedelta(minutes=1)
"""Nobody is asked about in a run. Further ahead the clock would count as wrong, and every job would be asked about."""


def fill(url: str, counts: Mapping[str, int]) -> None:
    """The schema, and so many jobs for each provider: sent, acknowledged, waiting for their callback."""
    migrate(url)
    engine = connect(url, write=True)
    try:
        for provider, count in counts.items():
            with engine.begin() as connection:
                like = _first(connection, provider)
                rows = _rows(like, provider, count)
                while chunk := list(islice(rows, CHUNK)):
                    connection.execute(tables.job.insert(), chunk)
    finally:
        engine.dispose()


def _first(connection: Connection, provider: str) -> dict[str, Any]:
    """Job number 0, opened and acknowledged by the product itself: the others are written like it."""
    now = datetime.now(UTC)
    params = {"prompt": "Put a donut next to the flour.", "num_images": 1, "seed": 42, "output_format": "png"}
    opening = jobs.Opening(
        id=job_id(provider, 0), provider=provider, model="flux-kontext-pro", order={"prompt": params["prompt"]},
        order_digest="0" * 64, params=params, expected=1, upload=False, created_at=now,
        deadline_at=now + timedelta(days=2), ask_at=now + NO_QUESTION,
    )  # fmt: skip
    jobs.open_job(connection, opening)
    sending.called(connection, opening.id, now)
    jobs.noted(connection, opening.id, Acknowledged(request_id(provider, 0), {}), now)
    row = connection.execute(select(tables.job).where(tables.job.c.id == opening.id)).mappings().one()
    return dict(row)


def _rows(like: dict[str, Any], provider: str, count: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count):
        yield {**like, "id": job_id(provider, number), "request_id": request_id(provider, number)}


def fill_uploads(url: str, count: int) -> None:
    """Runware jobs 1 to `count`, whose image will be PUT to us."""
    engine = connect(url, write=True)
    try:
        with engine.begin() as connection:
            like = {**_first(connection, "runware"), "upload": True}
            names = [job_id("runware", number) for number in range(1, count + 1)]
            rows = [{**like, "id": name, "request_id": name} for name in names]
            connection.execute(tables.job.insert(), rows)
    finally:
        engine.dispose()


def fill_naive(file: Path, counts: Mapping[str, int]) -> None:
    engine = create_engine(f"sqlite:///{file}")
    wanted = [SQLModel.metadata.tables[str(each.__tablename__)] for each in (naive.Job, naive.Delivery)]
    SQLModel.metadata.create_all(engine, tables=wanted)
    with Session(engine) as session:
        for provider, count in counts.items():
            rows = [{"request_id": request_id(provider, number), "status": "submitted"} for number in range(count)]
            session.execute(wanted[0].insert(), rows)
        session.commit()
    engine.dispose()


def stored(url: str, since: datetime) -> int:
    """Deliveries since then that were believed and changed their job: what a 200 promises."""
    delivery, job = tables.delivery.c, tables.job.c
    joined = tables.delivery.join(tables.job, job.id == delivery.job_id)
    good = (delivery.verdict == "verified") & job.status.in_(("succeeded", "delivered"))
    counted = select(func.count()).select_from(joined).where(delivery.received_at >= since, good)
    engine = connect(url, write=False)
    try:
        with engine.connect() as connection:
            return int(connection.execute(counted).scalar_one())
    finally:
        engine.dispose()


def images(url: str, since: float, until: float) -> int:
    """Images stored between two moments (seconds since 1970)."""
    between = tables.image.c.stored_at.between(*(datetime.fromtimestamp(at, UTC) for at in (since, until)))
    engine = connect(url, write=False)
    try:
        with engine.connect() as connection:
            return int(connection.execute(select(func.count()).where(between)).scalar_one())
    finally:
        engine.dispose()


def stored_naive(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        count: int = connection.execute(
            "SELECT count(*) FROM naive_delivery d JOIN naive_job j ON j.request_id = d.request_id"
            " WHERE j.status = 'succeeded'"
        ).fetchone()[0]
    connection.close()
    return count


def setting(url: str, name: str) -> str:
    """A setting of PostgreSQL."""
    engine = connect(url, write=False)
    try:
        with engine.connect() as connection:
            return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())
    finally:
        engine.dispose()
