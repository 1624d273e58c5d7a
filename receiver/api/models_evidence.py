"""The answer of /api/v1/jobs/{id}/evidence: what is sealed about a job, and the way from each entry to the root."""

from typing import Any

from receiver.api.models import Hash, Moment, Shape


class SealedEntry(Shape):
    """One entry of the trail. `entry` are its exact bytes as text: SHA-256 of 0x00 and them is `leaf_hash` (RFC 6962).

    `proof` leads from there to the checkpoint's root. `left_out` has a reason for each hidden field that is not shown
    to match its commitment any more; `latest` is false where the row was sealed again later.
    """

    n: int
    kind: str
    ref: str
    sealed_at: Moment
    latest: bool
    entry: str
    leaf_hash: Hash
    proof: list[Hash]
    left_out: dict[str, str]


class Checkpoint(Shape):
    """The signed tree head that every proof leads to, as a C2SP signed note. `stamp` is an RFC 3161 answer, base64."""

    origin: str
    size: int
    root: Hash
    at: Moment | None
    note: str
    stamp: str | None


class Evidence(Shape):
    """What `audit` knows of a job. `signers` are our keys as verifier keys of signed notes, the first first."""

    id: str
    purged: dict[str, Any] | None
    checkpoint: Checkpoint
    signers: list[str]
    entries: list[SealedEntry]
