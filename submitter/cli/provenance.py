"""What `show` says of how each stored image was made: its content credential, and its source type."""

from collections.abc import Mapping
from typing import Any

from receiver.audit.provenance.reading import Provenance, as_json, word
from receiver.ledger.shapes import Shelf, image_json
from receiver.ledger.views import JobView
from submitter.cli import output


def provenance_table(made: Mapping[int, Provenance]) -> None:
    """A line for each image. Of a credential that does not hold, every fact is a claim: `reason` says why."""
    rows = []
    for n, found in made.items():
        said = found.credential
        issuer = f"claims {said.issuer}" if said.issuer and said.state == "invalid" else said.issuer
        facts = (said.state, issuer, said.generator, output.clock(said.signed_at), word(found.source_type))
        rows.append((n, *facts, said.detail))
    columns = ("n", "credential", "issuer", "made with", "signed", "source type", "reason")
    output.table(columns, rows, spare=("signed", "made with"))


def with_provenance(job: JobView, shelf: Shelf, made: Mapping[int, Provenance]) -> list[dict[str, Any]]:
    """The job's images as the contract has them, `provenance` added to each."""
    return [image_json(image, shelf) | {"provenance": as_json(made.get(image.n))} for image in job.images]
