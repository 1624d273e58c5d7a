"""Runware's items as events: one result, one failure or one sign of life each, in every shape that is known.

Sources: as `runware.py`; the nested error from its Python SDK 1.8, `data` and `errors` side by side from
https://runware.ai/docs/platform/task-polling, the flat error from integrators.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from receiver.errors import Malformed, WrongRequest
from receiver.wire import reading
from receiver.wire.providers.runware_params import MOST
from receiver.wire.tokens import family
from receiver.wire.types import Event, ImageRef, Outcome

PICTURES = ("imageURL", "imageBase64Data", "imageDataURI")
QUESTIONS = ("getResponse", "authentication")


@dataclass(frozen=True, slots=True)
class Told:
    """One item of a body, and whether it tells of a failure."""

    item: dict[str, Any]
    failed: bool


def told(value: Any) -> list[Told]:
    """Every item of a body, in each of the shapes that are documented or seen. Raises Malformed."""
    body = {"data": value} if isinstance(value, list) else value
    if not isinstance(body, dict):
        raise Malformed("the body is neither an object nor a list")
    flat = not {"data", "errors"} & body.keys()
    data = [body] if flat else reading.children(body, "data")
    good = [Told(each, each.get("status") == "error" or bool(each.get("error"))) for each in data]
    return good + [Told(each, failed=True) for each in reading.children(body, "errors")]


def of_the_question(told: Told) -> bool:
    """Whether an error is about our asking (a wrong key, an id that is not known yet), not about a generation."""
    item = told.item
    if not told.failed or item.get("status") == "error":
        return False
    return "taskUUID" not in item or item.get("parameter") == "taskUUID" or item.get("taskType") in QUESTIONS


def event(told: Told, job_id: str, *, uploaded: bool = False) -> Event:
    """What one item says. Raises WrongRequest when its task is none of the job's, Malformed for junk in it."""
    item, where = told.item, place(told.item, job_id)
    if where is None:
        raise WrongRequest("the item tells of another job's task")
    images: tuple[ImageRef, ...] = ()
    error = None
    outcome = Outcome.UNCLEAR  # done, yet no picture in it: worth a question
    if told.failed:
        error = reading.complaint(item, "error")
        outcome = reading.blamed(error)
    elif item.get("status") in ("processing", "pending"):
        outcome = Outcome.PROGRESS
    elif images := _images(item, where, uploaded=uploaded):
        outcome = Outcome.SUCCEEDED
    # Named by the task, not the job: two tasks of one job may both fail.
    return Event(reading.event_id(family(job_id, where), outcome, images), job_id, outcome, images, error)


def place(item: dict[str, Any], job_id: str) -> int | None:
    """Which of the job's tasks an item speaks of; None for another's."""
    task = reading.text(item, "taskUUID").lower()
    return next((place for place in range(MOST) if family(job_id, place) == task), None)


def distinct(events: Iterable[Event]) -> tuple[Event, ...]:
    """Each event once: several generations at work are one sign of life."""
    return tuple({event.id: event for event in events}.values())


def _images(item: dict[str, Any], place: int, *, uploaded: bool) -> tuple[ImageRef, ...]:
    """The item's picture; where bytes are put to us it may hold none, and its place says which upload is meant."""
    named = reading.maybe_text(item, "imageUUID")
    value = next((each for key in PICTURES if (each := reading.maybe_text(item, key, reading.INLINE))), None)
    if value is not None:
        image = reading.picture(named or "", value, place)
        image = image if named else replace(image, key=_fingerprint(image))
    elif uploaded and (named or item.get("status") == "success"):
        image = ImageRef(named or f"place {place}", place=place)
    else:
        return ()
    return (replace(image, seed=reading.maybe_text(item, "seed"), cost=reading.maybe_decimal(item, "cost")),)


def _fingerprint(image: ImageRef) -> str:
    """A stable name for a result without one: of its bytes, or of its URL, whose query may change."""
    known = image.data if image.data is not None else (image.url or "").partition("?")[0].encode()
    return hashlib.sha256(known).hexdigest()[:32]
