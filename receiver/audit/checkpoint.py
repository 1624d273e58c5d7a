"""Checkpoints: the text of a signed note that names a tree, its size and its root. Pure.

    example.com/log            the origin: which log
    20852163                   how many leaves
    CsUYapGGPo4dkMgIAUqom/…    the root, in base64
    time 2026-09-21T12:00:00Z  extension lines, any number: ours to fill

Source: https://c2sp.org/tlog-checkpoint
"""

import base64
import re
from dataclasses import dataclass

from receiver.audit.merkle import EMPTY_ROOT, HASH_BYTES
from receiver.audit.note import Believed
from receiver.audit.notekey import CONTROL, decode
from receiver.errors import BrokenEvidence

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LARGEST = (1 << 63) - 1
_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree as it was when this was signed: its log's name, its leaves, its root of 32 bytes, and what we add.

    Raises BrokenEvidence for what cannot be written as a checkpoint, and for an empty tree with a root not its own.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not line or "\n" in line or CONTROL.search(line) for line in (self.origin, *self.extensions)):
            raise BrokenEvidence("a line of the checkpoint is empty, or holds a control character")
        if not 0 <= self.size <= _LARGEST or len(self.root) != HASH_BYTES:
            raise BrokenEvidence("the checkpoint's size or root is out of bounds")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise BrokenEvidence("the checkpoint is of an empty tree, but its root is not")

    def text(self) -> str:
        """What is signed: every line ends in a newline."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse(believed: Believed) -> Checkpoint:
    """The checkpoint in a note that a known key signed. Raises BrokenEvidence where the text is none.

    Whose log it is, the caller compares: a key may sign for several origins.
    """
    lines = believed.text.removesuffix("\n").split("\n")
    if len(lines) < _LINES or not _SIZE.fullmatch(lines[1]):
        raise BrokenEvidence("the note is not a checkpoint: origin, size and root, a line each")
    return Checkpoint(lines[0], int(lines[1]), decode(lines[2]), tuple(lines[_LINES:]))
