"""What a check finds, and how much was looked at."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_JUNK = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading something that somebody made up can raise."""


class NotABundle(Exception):
    """What was given is none, or too large to be one."""


class Bad(ValueError):
    """Something does not show what it should."""


@dataclass
class Report:
    """`findings` are (what, where, detail); `key` is the one that all trust begins with, `pinned` if it was given."""

    findings: list[tuple[str, str, str]] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    noted: list[str] = field(default_factory=list)
    key: str = ""
    pinned: bool = False

    @contextmanager
    def naming(self, what: str, where: str) -> Iterator[None]:
        """Whatever a file holds, what is wrong with it becomes a finding, and the check goes on."""
        try:
            yield
        except _JUNK as error:
            missing = f"there is no {error}" if isinstance(error, KeyError) else str(error)
            self.findings.append((what, where, (missing or type(error).__name__)[:300]))

    def shape(self) -> dict[str, Any]:
        rows = [dict(zip(("what", "where", "detail"), each, strict=True)) for each in self.findings]
        trust = {"key": self.key, "pinned": self.pinned}
        return {"good": not rows, "checked": dict(self.checked), "findings": rows, "noted": self.noted, **trust}


def lines(report: Report) -> Iterator[str]:
    """What was found, for people; hostile text is shown as text."""
    yield from (f"{what}: {where}: {detail}" for what, where, detail in report.findings)
    yield from (f"note: {sentence}" for sentence in report.noted)
    looked = ", ".join(f"{count:,} {what}" for what, count in report.checked.items()) or "nothing"
    yield f"{'NOT good' if report.findings else 'good'}: checked {looked}; found {len(report.findings)}"
    if report.key and not report.pinned:
        yield f"key: {report.key} was taken from the bundle itself; compare it with one that you were given elsewhere"
    elif report.key:
        yield f"key: {report.key}, the one that you gave"


def shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
