"""Columns that `audit verify` leaves aside, each with the reason that docs/evidence.md gives."""

from sqlmodel import SQLModel

from receiver.ledger import tables, trail_tables  # noqa: F401  their models are to be known

TASK = "work to do; gone when it is done"
DUTY = "who works now, for seconds"
OPERATIONAL = {
    ("job", "ask_at"): "when we ask the provider next",
    ("job", "asks"): "how often we have asked",
    ("job", "send_at"): "when the reconciler sends a job that nobody has sent",
    ("delivery", "repeats"): "a counter of the same delivery sent again; the first is kept and sealed",
    ("image", "staged_sha256"): "bytes that wait to be checked; what is stored is named by `sha256`",
    ("image", "staged_by"): "how those bytes came; for what is stored `arrived_by` says it",
    **{("task", column.name): TASK for column in SQLModel.metadata.tables["task"].columns},
    **{("duty", column.name): DUTY for column in SQLModel.metadata.tables["duty"].columns},
    ("purge", "pending"): "files that are still to be removed; empty when it is done",
    ("unsealed", "n"): "the order in which the queue is taken; the trail has an order of its own",
}
"""(Table, column) → why it is no evidence."""
