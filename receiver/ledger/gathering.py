"""Deliveries of several jobs in one look."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from receiver.ledger import tables
from receiver.ledger.columns import unpack
from receiver.ledger.views import DeliveryView, JobView

MOST_OF_ONE = 500
"""Deliveries that a job is shown with, as where it is shown alone."""


def with_deliveries(connection: Connection, jobs: Sequence[JobView]) -> list[JobView]:
    """The same jobs, each with its deliveries, newest first."""
    delivery = tables.delivery.c
    columns = [delivery[name] for name in DeliveryView.__dataclass_fields__]
    query = select(*columns).where(delivery.job_id.in_([job.id for job in jobs])).order_by(delivery.id.desc())
    found: dict[str, list[DeliveryView]] = {job.id: [] for job in jobs}
    for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
        of_job = found[str(row["job_id"])]
        if len(of_job) < MOST_OF_ONE:
            of_job.append(DeliveryView(**{**row, "headers": unpack(row["headers"])}))
    return [replace(job, deliveries=tuple(found[job.id])) for job in jobs]
