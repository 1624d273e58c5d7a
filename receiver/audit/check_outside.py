"""What is kept outside the database against what is in it: one judge for the file beside it and for the mirror."""

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.audit import check_tree, note, signing
from receiver.audit.check_tree import Tree
from receiver.audit.checkpoint import Checkpoint
from receiver.audit.findings import Report
from receiver.audit.notekey import NoteKey, good_name
from receiver.errors import BrokenEvidence
from receiver.ledger.trail_reading import CheckpointRow


@dataclass(frozen=True, slots=True)
class Judge:
    """Who knows the tree as the database's entries make it, the keys that it trusts, and our own `secrets`."""

    tree: Tree
    trusted: Sequence[NoteKey]
    secrets: Sequence[bytes]
    report: Report

    def missed(self, data: bytes, where: str, place: str, how: str) -> None:
        """A checkpoint stands in `place`, and not in the database, where it would be `where`.

        `how` is the word for that when the entries are all there as it signed them; else they were rolled back.
        """
        try:
            found = self._read(data)
        except BrokenEvidence as error:
            self.report.found("forged", place, str(error))
            return
        detail = f"the one that is kept in {place} is not in the database"
        if self.tree.root(found.size) != found.root:
            how, detail = "rolled back", f"{detail}, whose entries do not make its root of {found.size} entries"
        self.report.found(how, where, detail)

    def _read(self, data: bytes) -> Checkpoint:
        """With our own keys besides: a database of before a new key does not know it. Raises BrokenEvidence."""
        names = {each.name for each in note.parse(data).signatures if good_name(each.name)}
        own = {signing.signer(secret, name).key for secret in self.secrets for name in names}
        return check_tree.read(data, [*self.trusted, *(own - set(self.trusted))])


def beside(seen: bytes | None, place: str, marks: Sequence[CheckpointRow], judge: Judge) -> None:
    """`seen` is the newest checkpoint, as it is kept in the file `place` beside the database; no place, no look."""
    if seen is not None and all(row.note != seen for row in reversed(marks)):
        judge.missed(seen, "checkpoint", place, "rolled back")
    if marks and seen is None and place:
        judge.report.note(f"no checkpoint is kept in {place}: that the whole file is an older one cannot be seen")
