"""The few moves in a bucket that everything is made of: look, create, name, drop.

`<ab>/<sha256>` objects · `partial/` uploads under way · `incoming/<job>/<place>` slots that providers PUT to ·
`derived/<ab>/<sha256>` what was made of objects.
A lifecycle rule may remove what lies in the second and third for longer than a week: nothing there is acknowledged.
"""

import contextlib
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from receiver.storage.protocol import named
from receiver.storage.refusals import TROUBLE, absent, sure, taking, unknown_to_it

PARTIAL = "partial"
INCOMING = "incoming"
DERIVED = "derived"


class Shelf:
    """A bucket below its prefix."""

    def __init__(self, store: S3Store) -> None:
        self.store = store
        self._conditional = True

    async def size(self, key: str) -> int | None:
        """Bytes under a key, None where nothing is. Raises what obstore raises, for a bucket that is gone as well."""
        try:
            return (await obstore.head_async(self.store, key))["size"]
        except FileNotFoundError as error:
            if sure(error):
                raise
        try:  # the answer to a HEAD has no body, and no word of what is missing
            return (await obstore.get_async(self.store, key)).meta["size"]
        except FileNotFoundError as error:
            if absent(error):
                return None
            raise

    async def create(self, sha256: str, data: bytes) -> None:
        """Small bytes, straight to their name; where it stands already, the bytes are the same. Raises StorageFull."""
        key = place(sha256)
        with taking():
            if not self._conditional or not await self._created(key, data):
                await obstore.put_async(self.store, key, data, mode="overwrite", use_multipart=False)

    async def _created(self, key: str, data: bytes) -> bool:
        """Put with If-None-Match. False when the object still wants writing."""
        try:
            await obstore.put_async(self.store, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # 409 says so as well, of another writer who is at it and may fail: only what stands is stored.
            return await self.size(key) == len(data)
        except TROUBLE as error:
            if not unknown_to_it(error):
                raise
            self._conditional = False
            return False
        return True

    async def name(self, key: str, sha256: str, count: int) -> None:
        """Give the bytes under a key of ours the name of their hash, by a copy inside the store. Raises StorageFull.

        Not conditional: only some stores can, in ways of their own. A name has one content, so a race is harmless.
        """
        with taking():
            if await self.size(place(sha256)) != count:
                await obstore.copy_async(self.store, key, place(sha256))

    async def drop(self, key: str) -> None:
        """Remove what nobody needs. Where that fails, the lifecycle rule does it."""
        with contextlib.suppress(*TROUBLE):
            await obstore.delete_async(self.store, key)


def place(sha256: str) -> str:
    """The key of an object. Raises Permanent for what is no SHA-256."""
    return f"{named(sha256)[:2]}/{sha256}"


def derived_key(sha256: str) -> str:
    """The key of what was derived from an object. Raises Permanent for what is no SHA-256."""
    return f"{DERIVED}/{place(sha256)}"


def partial_key() -> str:
    """A key that nobody else writes to."""
    return f"{PARTIAL}/{uuid4().hex}"


def incoming_key(slot: str) -> str:
    """The key of a slot."""
    return f"{INCOMING}/{slot}"
