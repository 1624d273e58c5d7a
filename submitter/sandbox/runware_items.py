"""What Runware says about a task: the item of one result, and the shapes of a failure (its SDK, its errors page)."""

from typing import Any

from submitter.sandbox.jobs import Job, Result, State
from submitter.sandbox.pictures import data_uri, inline_text
from submitter.sandbox.runware_task import RunwareTask, complaint

COST = 0.04


def named(job: Job[RunwareTask]) -> dict[str, Any]:
    return {"taskType": "imageInference", "taskUUID": job.id}


def item(job: Job[RunwareTask], result: Result) -> dict[str, Any]:
    told = named(job) | {"imageUUID": result.key, "seed": result.picture.seed}
    match job.params.output_type:
        case "URL":
            told["imageURL"] = result.url
        case "base64Data":
            told["imageBase64Data"] = inline_text(result)
        case "dataURI":
            told["imageDataURI"] = data_uri(result)
    if job.params.safety.check_content or job.params.safety.mode == "fast":
        told["NSFWContent"] = result.nsfw
    return told | ({"cost": COST} if job.params.include_cost else {})


def failure(job: Job[RunwareTask]) -> dict[str, Any] | None:
    if job.state is State.FAILED:
        return complaint("timeoutProvider", "The sandbox was asked to fail.", task=named(job))
    if job.state is State.MODERATED:
        message = "The provider refused the content."
        return complaint("invalidProviderContent", message, task=named(job), parameter="positivePrompt")
    return None


def told_of(job: Job[RunwareTask], result: Result, task_uuid: str) -> dict[str, Any]:
    """A success in the callback: flat in the official skills repository, wrapped in the older SDK's README."""
    told = item(job, result)
    if "null_payload" in job.struck:
        told = named(job) | {"imageUUID": result.key}
    told["taskUUID"] = task_uuid
    return {"data": [told]} if "wrapped" in job.struck else told


def failed_item(job: Job[RunwareTask], task_uuid: str) -> dict[str, Any]:
    """A failure in the callback: three shapes have been seen, `errors` is the one of all the pages."""
    found = (failure(job) or {}) | {"taskUUID": task_uuid}
    told: dict[str, Any] = {key: found[key] for key in ("code", "message") if key in found}
    if "flat_error" in job.struck:
        return {"taskType": "imageInference", "taskUUID": task_uuid, "status": "error", **told}
    if "nested_error" in job.struck:
        return {"taskType": "imageInference", "taskUUID": task_uuid, "status": "error", "error": told}
    return {"errors": [found]}
