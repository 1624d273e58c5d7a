"""Runware: the task id is ours, one callback per result, nothing signed; it can also put the bytes to us.

Sources: https://runware.ai/docs/platform/webhooks and /task-polling; github.com/Runware/runware-skills,
migrate/integrate-with-runware/SKILL.md (flat callback); the README of its Python SDK 0.5 (`data` around it).
"""

import json
from datetime import datetime, timedelta
from typing import Any

from receiver.errors import Malformed
from receiver.wire import reading
from receiver.wire.orders import Acknowledged, Asking, Call, Endpoints, Heard, Prepared, Reply
from receiver.wire.provider import Pace, Provider, Unsigned
from receiver.wire.providers import runware_items as items
from receiver.wire.providers.runware_params import prepare
from receiver.wire.schemes import capability
from receiver.wire.tokens import family
from receiver.wire.types import Delivery, Event, Trust, Verified

NOT_ABOUT_THE_JOB = {401, 402, 403, 429}


def compose(job_id: str, prepared: Prepared, endpoints: Endpoints, base: str) -> Call:
    """One task, or with `upload` one for each result: what several results do to one upload URL is not documented.

    A seed that was given grows by one from task to task; the same seed would draw the same picture.
    """
    task = {"taskType": "imageInference", "taskUUID": job_id, "model": prepared.model, **prepared.params}
    task |= {"deliveryMethod": "async", "webhookURL": endpoints.hook}
    places = range(prepared.expected)
    tasks = [_upload(task, job_id, place, endpoints) for place in places] if prepared.upload else [task]
    return Call("POST", f"{base}/v1", json.dumps(tasks).encode())


def acknowledged(reply: Reply, job_id: str) -> Acknowledged:
    """`{"data": [{"taskUUID"}]}` with a task id of the job's; errors at any status, and no data, are a refusal."""
    try:
        body = reading.json_object(reply.body)
        data, errors = reading.children(body, "data"), reading.children(body, "errors")
    except Malformed:
        if reply.status >= reading.NOT_OK:
            raise reading.refusal(reply) from None
        raise
    if reply.status >= reading.NOT_OK or (errors and not data):
        raise reading.refusal(reply, errors[0] if errors else None)
    if not any(items.place(each, job_id) is not None for each in data):
        raise Malformed("the acknowledgement names none of the job's tasks")
    return Acknowledged(job_id)


def verify(delivery: Delivery, _trust: Trust, _now: datetime) -> Verified:
    """Nothing is signed: Runware's own advice is a token in the URL."""
    return capability(delivery)


def parse(verified: Verified) -> tuple[Event, ...]:
    """One event per item; the items stand flat, or under `data` and `errors`. WrongRequest for another job's task."""
    job_id = verified.delivery.job_id
    told = items.told(reading.json_value(verified.delivery.body))
    if job_id is None or not told:
        raise Malformed("the callback holds no item, or its URL names no job")
    return items.distinct(items.event(each, job_id) for each in told)


def ask(asking: Asking) -> Call:
    places = range(asking.expected if asking.upload else 1)
    tasks = [{"taskType": "getResponse", "taskUUID": family(asking.job_id, place)} for place in places]
    return Call("POST", f"{asking.base}/v1", json.dumps(tasks).encode())


def hear(verified: Verified, asking: Asking) -> Heard:
    """One item per generation, some perhaps still at work. What is wrong with our question says nothing of the job."""
    status = verified.delivery.status
    if status >= reading.SERVER_ERROR or status in NOT_ABOUT_THE_JOB:
        return Heard()
    told = items.told(reading.json_value(verified.delivery.body))
    about = (each for each in told if not items.of_the_question(each))
    return Heard(items.distinct(items.event(each, asking.job_id, uploaded=asking.upload) for each in about))


def _upload(task: dict[str, Any], job_id: str, place: int, endpoints: Endpoints) -> dict[str, Any]:
    seed = {"seed": task["seed"] + place} if "seed" in task else {}
    own = {"taskUUID": family(job_id, place), "numberResults": 1, "uploadEndpoint": endpoints.uploads[place]}
    return {**task, **seed, **own}


PROVIDER = Provider(
    name="runware",
    title="Runware",
    api="https://api.runware.ai",
    url_setting="RUNWARE_URL",
    key_setting="RUNWARE_API_KEY",
    auth=("authorization", "Bearer {key}"),
    hosts=("im.runware.ai",),
    lifetime=None,  # `ttl` where the order sets one; the default is documented nowhere
    keys=Unsigned(),
    options=(),
    calls_back=True,
    uploads=True,
    confirm=False,  # the token in the URL is the authentication that Runware documents; CONFIRM_UNSIGNED asks for more
    pace=Pace(first=timedelta(seconds=60)),
    prepare=prepare,
    compose=compose,
    acknowledged=acknowledged,
    verify=verify,
    parse=parse,
    ask=ask,
    hear=hear,
)
