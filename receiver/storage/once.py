"""Objects that are written once, under names of our own: nothing here overwrites, and nothing deletes."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Held:
    """An object that is there, and its length in bytes; not read."""

    name: str
    bytes: int


class Once(Protocol):
    """Names are steps of plain letters, digits and dashes, with `/` between them. Folders end in no `/`."""

    async def create(self, name: str, data: bytes) -> bool:
        """Keep bytes under a name; False, with nothing changed, where the name is taken.

        What was created survives a crash, whole. Raises StorageFull.
        """

    async def get(self, name: str, most: int) -> bytes | None:
        """What stands under a name, None where nothing does. Raises TooLarge above `most` bytes, TryLater."""

    async def held(self, folder: str, most: int) -> list[Held]:
        """What stands below a folder, in no order; the first `most` only. Raises TryLater."""

    async def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder, without it, in no order. Raises TryLater."""
