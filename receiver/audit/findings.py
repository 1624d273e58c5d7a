"""What a check of the evidence finds: each thing that is wrong, by its name, and how much was looked at."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

WORDS = (
    "changed", "removed", "inserted", "reordered", "backdated", "rolled back", "truncated", "forged", "unsigned",
    "missing", "altered", "unreadable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is one of WORDS; `where` names the row or file; `detail` says in a sentence what does not fit."""

    what: str
    where: str
    detail: str


def _line(text: str) -> str:
    """One line that any terminal can show, whatever somebody wrote into a row."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


Progress = Callable[[str, int], None]
"""Told what is looked at, and how many of it so far."""


def _silent(_what: str, _count: int) -> None:
    pass


@dataclass(slots=True)
class Report:
    """`checked` counts by what was looked at; `noted` are sentences that are no fault, but to be known."""

    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    noted: list[str] = field(default_factory=list)
    progress: Progress = _silent

    def found(self, what: str, where: str, detail: str) -> None:
        self.findings.append(Finding(what, _line(where), _line(detail)))

    def note(self, sentence: str) -> None:
        self.noted.append(_line(sentence))

    def looked(self, what: str, count: int = 1) -> None:
        self.checked[what] += count
        self.progress(what, self.checked[what])
