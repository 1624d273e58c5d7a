"""What the doctor says of one thing."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """`says` is a sentence; `mend` names the setting and what to do, empty where nothing is to be done."""

    name: str
    state: State
    says: str
    mend: str = ""


def good(name: str, says: str) -> Check:
    return Check(name, "good", says)


def bad(name: str, says: str, mend: str) -> Check:
    return Check(name, "bad", says, mend)


def unknown(name: str, says: str, mend: str = "") -> Check:
    """It could not be told."""
    return Check(name, "unknown", says, mend)
