"""The mark of a job: it is another one as soon as anything is that its page shows. A few rows by their keys."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from receiver.ledger import tables
from receiver.ledger.among import Among
from receiver.ledger.evidence import KINDS
from receiver.ledger.trail_tables import checkpoint, trail


def marks(connection: Connection, job_ids: Sequence[str]) -> dict[str, str]:
    """Job id → mark, to be compared and nothing else; a job that is not there has none."""
    parts: dict[str, list[str]] = {str(row.id): [_text(row)] for row in _JOBS.run(connection, job_ids)}
    for query in _COUNTS:
        for row in query.run(connection, job_ids):
            parts[str(row.job_id)].append(_text(row[1:]))
    sealed = connection.execute(select(checkpoint.c.size).order_by(checkpoint.c.n.desc()).limit(1)).scalar() or 0
    for job_id, said in parts.items():
        said.append(_text(_leaves(connection, job_id, sealed)))
    return {job_id: " ".join(said) for job_id, said in parts.items()}


def _text(values: Iterable[Any]) -> str:
    return ",".join(str(value) for value in values)


def _counted(table: Table, *counts: ColumnElement[Any], by: tuple[ColumnElement[Any], ...] = ()) -> Among:
    """One row for each job that has any, or for each value of `by` within it."""
    columns = (table.c.job_id, *by)
    return Among(
        f"{table.name}.job_id",
        lambda _, among: select(*columns, func.count(), *counts).where(among).group_by(*columns).order_by(*columns),
    )


def _leaves(connection: Connection, job_id: str, sealed: int) -> Iterator[Any]:
    """How many sealed entries there are of the job's own name, and of its deliveries."""
    ref, delivery = trail.c.ref, tables.delivery.c
    file = connection.dialect.name == "sqlite"  # compares bytes, and "0" comes right after "/"
    within = ref.between(f"{job_id}/", f"{job_id}0") if file else ref.startswith(f"{job_id}/")
    came = trail.c.kind == "delivery", ref.in_(select(delivery.id).where(delivery.job_id == job_id))
    for found in ((trail.c.kind.in_([*KINDS]), or_(ref == job_id, within)), came):
        yield connection.execute(select(func.count()).where(*found, trail.c.n < sealed)).scalar()


_job, _image, _task, _delivery, _purge = (
    each.c for each in (tables.job, tables.image, tables.task, tables.delivery, tables.purge)
)
_JOBS = Among(
    "job.id",
    lambda _, among: select(_job.id, _job.status, _job.deadline_at, _job.cost_usd, _job.submitted_at).where(among),
)
_COUNTS = (
    _counted(tables.image, func.count(_image.sha256)),
    _counted(tables.task, func.sum(_task.attempts), func.count(_task.dead_at)),
    _counted(tables.delivery, func.sum(_delivery.repeats), by=(_delivery.verdict,)),
    _counted(tables.purge, func.max(_purge.purged_at), func.count(_purge.pending)),
)
