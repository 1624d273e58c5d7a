"""Timestamps against their checkpoints: each is of a note that is there, and signed by an authority that is trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509

from receiver.audit import timestamp
from receiver.audit.findings import Report
from receiver.audit.timestamp import INSTALL, Stamp
from receiver.errors import BrokenEvidence
from receiver.ledger import stamps
from receiver.ledger.evidence import moment, plain
from receiver.ledger.inspection import Inspection
from receiver.ledger.stamps import StampRow
from receiver.ledger.trail_reading import CheckpointRow


@dataclass(slots=True)
class Stamps:
    """`marks` are the checkpoints by the name of their note; with no `trusted` roots no signature is verified."""

    marks: Mapping[str, CheckpointRow]
    trusted: Sequence[x509.Certificate]
    report: Report
    _good: dict[str, list[tuple[str, Stamp]]] = field(default_factory=dict)

    def check(self, row: StampRow) -> None:
        """One stamp. That its row is as it was sealed, the check of rows sees to."""
        where = f"stamp {plain(row.note_sha256)}"
        mark = self.marks.get(str(row.note_sha256))
        if mark is None:
            gone = f"no checkpoint has the bytes that were stamped; it was to be checkpoint {plain(row.checkpoint)}"
            self.report.found("removed", where, gone)
            return
        if row.checkpoint != mark.n:
            self.report.found("changed", where, f"it is of checkpoint {mark.n}, its row says {plain(row.checkpoint)}")
        if not timestamp.installed():
            self.report.looked("timestamps kept")
            return
        try:
            self._answer(row, mark, where)
        except BrokenEvidence as error:
            self.report.found("forged", where, str(error))

    def _answer(self, row: StampRow, mark: CheckpointRow, where: str) -> None:
        response = row.response if isinstance(row.response, bytes) else b""
        stamp = timestamp.read(response, mark.note)
        if self.trusted:
            timestamp.verify(response, mark.note, self.trusted)
        if moment(stamp.at) != moment(row.stamped_at):
            detail = f"its row says {moment(row.stamped_at)}, the authority {moment(stamp.at)}"
            self.report.found("changed", where, detail)
        if own := timestamp.too_early(stamp, mark.note):
            self.report.found("backdated", where, f"it says {moment(stamp.at)}, checkpoint {mark.n} is of {own}")
            return
        self.report.looked("timestamps" if self.trusted else "timestamps kept")
        self._good.setdefault(stamp.by, []).append((f"checkpoint {mark.n}", stamp))

    def tell(self) -> None:
        """By whom checkpoints were stamped, and when last; or why nobody's word can be taken for it."""
        kept = self.report.checked["timestamps kept"]
        if kept:
            how = "set TSA_ROOTS to the authority's root certificates" if timestamp.installed() else INSTALL
            self.report.note(f"timestamps of checkpoints that are kept, and cannot be verified: {kept:,}; {how}")
        for by, found in self._good.items() if self.trusted else ():
            mark, stamp = found[-1]
            others = f"; {len(found) - 1:,} before it since {moment(found[0][1].at)}" if len(found) > 1 else ""
            self.report.note(f"{mark} was stamped by {by} at {moment(stamp.at)}{others}")


def check(there: Inspection, trusted: Sequence[x509.Certificate], report: Report) -> None:
    """Every stamp against the checkpoints. Of these there may be a thousand times as many: only those are kept."""
    wanted = {row.note_sha256 for row in there.stamps()}
    if wanted:
        named = ((stamps.name(mark.note), mark) for mark in there.checkpoints())
        looking = Stamps({name: mark for name, mark in named if name in wanted}, trusted, report)
        for row in there.stamps():
            looking.check(row)
        looking.tell()
