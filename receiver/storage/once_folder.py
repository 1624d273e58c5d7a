"""Objects that are written once, as files: a link of a file that is whole, which fails where the name is taken."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

from receiver.errors import TooLarge, TryLater
from receiver.storage.once import Held
from receiver.storage.partial import PARTIAL, sync, taking
from receiver.storage.threads import in_thread


class OnceFolder:
    """An Once (see there) in a folder. Only who `makes` it takes a folder that is not there for an empty one.

    To all others it may be a disk that is not mounted.
    """

    def __init__(self, root: Path, *, makes: bool) -> None:
        self._root, self._makes = root.absolute(), makes

    async def create(self, name: str, data: bytes) -> bool:
        return await in_thread(partial(self._create, name, data))

    async def get(self, name: str, most: int) -> bytes | None:
        return await in_thread(partial(self._get, name, most))

    async def held(self, folder: str, most: int) -> list[Held]:
        return await in_thread(partial(self._held, folder, most))

    async def folders(self, folder: str) -> list[str]:
        return await in_thread(partial(self._folders, folder))

    def _create(self, name: str, data: bytes) -> bool:
        target, draft = self._root / name, self._root / PARTIAL / uuid4().hex
        with taking():
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                with draft.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                self._room(target.parent)
                os.link(draft, target)
            except FileExistsError:
                return False
            finally:
                draft.unlink(missing_ok=True)
            sync(target.parent)
        return True

    def _room(self, folder: Path) -> None:
        """Make a folder that survives a crash, too."""
        missing = list(itertools.takewhile(lambda each: not each.is_dir(), (folder, *folder.parents)))
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            sync(each.parent)

    def _get(self, name: str, most: int) -> bytes | None:
        with self._giving():
            try:
                with (self._root / name).open("rb") as file:
                    data = file.read(most + 1)
            except FileNotFoundError:
                return None
        if len(data) > most:
            raise TooLarge(f"{name} has more than {most} bytes")
        return data

    def _held(self, folder: str, most: int) -> list[Held]:
        with self._giving():
            files = (path for path in (self._root / folder).rglob("*") if path.is_file())
            some = itertools.islice(files, most)
            return [Held(path.relative_to(self._root).as_posix(), path.stat().st_size) for path in some]

    def _folders(self, folder: str) -> list[str]:
        with self._giving():
            if self._makes:
                self._root.mkdir(parents=True, exist_ok=True)
            self._root.stat()
            try:
                return [entry.name for entry in os.scandir(self._root / folder) if entry.is_dir()]
            except FileNotFoundError:
                return []

    @contextlib.contextmanager
    def _giving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TryLater(f"the folder {self._root} does not answer: {error.strerror}") from error
