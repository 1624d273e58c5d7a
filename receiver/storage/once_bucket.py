"""Objects that are written once, in a bucket: put with If-None-Match, which the store itself holds to."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from receiver.errors import TooLarge, TryLater
from receiver.storage.bucket import open_bucket
from receiver.storage.once import Held
from receiver.storage.refusals import TROUBLE, absent, taking, why

PATIENCE = timedelta(seconds=10)
"""For one request with its retries: objects are small, and whoever puts them tries again by itself."""


def open_once_bucket(url: str, given: Mapping[str, str]) -> "OnceBucket":
    """What an s3 URL names. Raises Misconfigured."""
    return OnceBucket(open_bucket(url, given, PATIENCE))


class OnceBucket:
    """An Once (see there) in a bucket, below its prefix.

    A store that does not know conditional puts (501) is refused: without them there is no promise to keep.
    """

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def create(self, name: str, data: bytes) -> bool:
        with taking("the object store"):
            try:
                await obstore.put_async(self._store, name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    async def get(self, name: str, most: int) -> bytes | None:
        data = bytearray()
        with _giving():
            try:
                found = await obstore.get_async(self._store, name)
            except FileNotFoundError as error:
                if absent(error):
                    return None
                raise
            async for piece in found.stream():
                data += piece
                if len(data) > most:
                    raise TooLarge(f"{name} has more than {most} bytes")
        return bytes(data)

    async def held(self, folder: str, most: int) -> list[Held]:
        found: list[Held] = []
        with _giving():
            async for page in obstore.list(self._store, prefix=folder, chunk_size=1000):
                found += [Held(each["path"], each["size"]) for each in page]
                if len(found) >= most:
                    break
        return found[:most]

    async def folders(self, folder: str) -> list[str]:
        with _giving():
            found = await obstore.list_with_delimiter_async(self._store, prefix=folder)
        return [name.rstrip("/").rpartition("/")[2] for name in found["common_prefixes"]]


@contextlib.contextmanager
def _giving() -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        raise TryLater(f"the object store gives no bytes: {why(error)}") from None
