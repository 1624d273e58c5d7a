"""The mirror: every checkpoint a second time, out of the database's reach, one object each.

`checkpoint/000000/012/000000012345-<sha256>` is checkpoint 12345, its note's bytes as they are. A folder holds the
numbers of one thousand, so that one request lists it; the hash in the name lets a list be compared without reading,
and gives two different notes of one number a name each: neither can take the other's place.
"""

import hashlib
import re
from dataclasses import dataclass

from receiver.audit.note import MAX_BYTES
from receiver.errors import BrokenEvidence, TryLater
from receiver.settings import Settings
from receiver.settings_shown import without_password
from receiver.storage import Once, open_once

ROOM = 1000
"""Numbers in a folder."""
MOST = 10 * ROOM
"""Names of a folder that are looked at: an honest one has a tenth."""
_TOP = "checkpoint"
_LARGEST = (1 << 63) - 1
_NAME = re.compile(r"([0-9]{12,19})-([0-9a-f]{64})", re.ASCII)
_MILLION, _THOUSAND = re.compile(r"[0-9]{6,13}", re.ASCII), re.compile(r"[0-9]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kept:
    """An object of the mirror as its name has it: nothing of it is read."""

    n: int
    sha256: str
    bytes: int

    @property
    def name(self) -> str:
        return f"{folder(self.n // ROOM)}/{self.n:012}-{self.sha256}"


def digest(note: bytes) -> str:
    """What a note is named by: its SHA-256, 64 hex digits."""
    return hashlib.sha256(note).hexdigest()


def folder(room: int) -> str:
    """Where the checkpoints `room` * 1000 and on stand."""
    return f"{_TOP}/{room // 1000:06}/{room % 1000:03}"


class Mirror:
    """Notes by their number. `place` names it for people."""

    def __init__(self, store: Once, place: str) -> None:
        self._store = store
        self.place = place

    async def put(self, n: int, note: bytes) -> bool:
        """Keep a note; False where it was there already.

        Raises BrokenEvidence where other bytes stand under its name: they stay. Raises StorageFull, TryLater.
        """
        kept = Kept(n, digest(note), len(note))
        if await self._store.create(kept.name, note):
            return True
        there = await self.get(kept)
        if there is None:  # S3 may say "taken" of a put under way that failed after all
            raise TryLater(f"{kept.name} is neither free nor there")
        if there != note:
            raise BrokenEvidence(f"{self.place}/{kept.name} holds other bytes than its name says")
        return False

    async def get(self, kept: Kept) -> bytes | None:
        """The bytes, not yet believed; None where they are gone. Raises TooLarge, TryLater."""
        return await self._store.get(kept.name, MAX_BYTES)

    async def rooms(self) -> list[int]:
        """The folders that there are, in order; of such as the database can have a number in. Raises TryLater."""
        found = list[int]()
        for million in filter(_MILLION.fullmatch, await self._store.folders(_TOP)):
            inside = await self._store.folders(f"{_TOP}/{million}")
            found += [int(million) * 1000 + int(each) for each in filter(_THOUSAND.fullmatch, inside)]
        return sorted(room for room in set(found) if room < _LARGEST // ROOM)

    async def room(self, room: int) -> tuple[list[Kept], list[str]]:
        """What stands in one of the folders, in order, and names there that are none of ours. Raises TryLater."""
        kept, strange = list[Kept](), list[str]()
        for held in await self._store.held(folder(room), MOST):
            found = _NAME.fullmatch(held.name.rpartition("/")[2])
            each = Kept(min(int(found[1]), _LARGEST), found[2], held.bytes) if found else None
            if each is not None and each.name == held.name:
                kept.append(each)
            else:
                strange.append(held.name)
        return sorted(kept, key=lambda each: (each.n, each.sha256)), sorted(strange)


def open_mirror(settings: Settings, *, makes: bool = False) -> Mirror | None:
    """The mirror that CHECKPOINT_MIRROR_URL names, None where it names none; who puts there `makes` its folder.

    Raises Misconfigured.
    """
    url = settings.checkpoint_mirror_url
    if not url:
        return None
    store = open_once(url, settings.account, makes=makes)
    return Mirror(store, without_password(url).partition("?")[0].rstrip("/"))
