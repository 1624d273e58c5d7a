"""Slots: places in an object store that a provider may PUT one result to, with a URL that was signed for it."""

from datetime import timedelta

from receiver.storage.protocol import Stored


def slot(job_id: str, place: int) -> str:
    """The name of the slot for one result of a job."""
    return f"{job_id}/{place}"


class NoSlots:
    """A storage that nobody can PUT to past us, as a folder and memory are."""

    async def presign_put(self, slot: str, lasting: timedelta) -> str | None:  # noqa: ARG002  the protocol's
        """None: there are no slots."""
        return None

    async def adopt(self, slot: str, most: int) -> Stored | None:  # noqa: ARG002  the protocol's
        """None: nothing ever comes."""
        return None

    async def clear(self, slot: str) -> None:
        """There is nothing to clear."""
