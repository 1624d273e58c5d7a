"""The door for results: `PUT /uploads/{provider}/{token}`, raw image bytes, streamed to storage as they come."""

import json
from time import perf_counter

from starlette.types import Receive, Scope

from receiver.errors import NotAnImage, ProofhookError, Refused, TooLarge
from receiver.hooks import Answer, Gone, arriving, claim, declared
from receiver.road import Road
from receiver.storage import Stored, Writer
from receiver.wire import images
from receiver.wire.types import Delivery, Kind


async def upload(road: Road, scope: Scope, receive: Receive, name: str, token: str) -> Answer:
    """Take one image. 201 when it is new, 200 when the same bytes were here, raises PlaceTaken for different ones.

    The bytes are stored whole or not at all; they count as an image only after the worker has decoded them.
    """
    provider, claimed = claim(road, "upload", name, token)
    delivery = arriving(road, scope, provider, claimed, Kind.UPLOAD)
    try:
        stored = await _kept(road, scope, receive, delivery)
        recorded = await road.upload(provider, delivery, claimed.place or 0, stored)
        if recorded.refusal is not None:
            raise recorded.refusal
    except ProofhookError as error:
        error.about = (provider.name, claimed.job_id)
        raise
    body = json.dumps({"sha256": stored.sha256, "bytes": stored.bytes}).encode()
    verdict = "duplicate" if recorded.duplicate else "recorded"
    return Answer(200 if recorded.duplicate else 201, body, provider.name, claimed.job_id, verdict)


async def _kept(road: Road, scope: Scope, receive: Receive, delivery: Delivery) -> Stored:
    began = perf_counter()
    try:
        stored = await _store(road, scope, receive)
    except Refused as refusal:
        await road.refused(delivery, refusal, declared(scope))
        raise
    road.tally.store.append(perf_counter() - began)
    return stored


async def _store(road: Road, scope: Scope, receive: Receive) -> Stored:
    limit = int(road.settings.max_image_bytes)
    if declared(scope) > limit:
        raise _too_large(limit)
    async with road.storage.writer() as writer:
        await _pour(receive, writer, limit)
        return await writer.commit()


async def _pour(receive: Receive, writer: Writer, limit: int) -> None:
    """Bytes from the request to the writer; the first of them must be an image's. Raises NotAnImage, TooLarge, Gone."""
    size, head, more = 0, b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        known = len(head) >= images.HEAD
        head += b"" if known else chunk[: images.HEAD - len(head)]
        if not known and (len(head) >= images.HEAD or not more) and images.sniff(head) is None:
            raise NotAnImage(f"the body is none of {', '.join(sorted(images.FORMATS))}")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        await writer.write(chunk)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the image is larger than MAX_IMAGE_BYTES ({limit})")
