"""fal's callback: its body, its signature headers, when it comes again (fal's webhook page), and the model's output."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from submitter.sandbox.answers import written
from submitter.sandbox.fal_input import FalInput, problem_of
from submitter.sandbox.jobs import Job
from submitter.sandbox.pictures import data_uri
from submitter.sandbox.sending import Message, Twist
from submitter.sandbox.signing import FalKeys

USER_ID = "sandbox-user"
TIMEOUT = 15.0
RETRIES = 31
FIRST_WAIT = 120.0
_GROWTH = 1.1
_STALE = 3600
_UNSERIALISABLE = "The payload could not be serialised as JSON; fetch the result from the response URL instead."


def waits(size: int) -> Iterator[float]:
    """Growing from 120 s while the result is kept: an hour, or six minutes from 10 KB on."""
    yield 0.0
    left, wait = (3600.0 if size < 10 * 1024 else 360.0), FIRST_WAIT
    for _ in range(RETRIES):
        left -= wait
        if left < 0:
            return
        yield wait
        wait *= _GROWTH


def message(keys: FalKeys, job: Job[FalInput], twist: Twist) -> Message:
    """One sending, with the time and the signature of now."""
    told = body(job)
    if twist.wrong_id:
        told |= dict.fromkeys(("request_id", "gateway_request_id"), str(uuid.uuid4()))
    raw = written(told)
    if twist.unsigned:
        return Message({}, raw)
    now = int(time.time()) - (_STALE if twist.stale else 0)
    named = {"request_id": told["request_id"], "user_id": USER_ID}
    return Message(keys.headers(raw, **named, timestamp=now, forged=twist.forged), raw)


def body(job: Job[FalInput]) -> dict[str, Any]:
    """`gateway_request_id` is the request id until fal itself runs the job twice, which the sandbox never does."""
    told: dict[str, Any] = {"request_id": job.id, "gateway_request_id": job.id, "status": "OK"}
    if problem := problem_of(job):
        return {**told, "status": "ERROR", "payload": {"detail": problem.detail}, "error": problem.error}
    if "payload_error" in job.struck:
        return {**told, "payload": None, "error": None, "payload_error": _UNSERIALISABLE}
    return {**told, "payload": None if "null_payload" in job.struck else output(job), "error": None}


def output(job: Job[FalInput]) -> dict[str, Any]:
    """The model's output schema; what the response URL answers, bare."""
    images = [
        {
            "url": result.url or data_uri(result),
            "width": result.picture.width,
            "height": result.picture.height,
            "content_type": result.picture.media_type,
        }
        for result in job.results
    ]
    return {
        "images": images,
        "timings": {"inference": round(job.delay, 4)},
        "seed": job.params.seed,
        "has_nsfw_concepts": [result.nsfw for result in job.results],
        "prompt": job.prompt,
    }
