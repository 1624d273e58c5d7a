"""What may be ordered of Runware's FLUX.1 Kontext [pro].

Sources: https://runware.ai/docs/models/bfl-flux-1-kontext-pro (parameters), and the same page as .md for the sizes.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from receiver.errors import BadOrder
from receiver.wire import params
from receiver.wire.orders import Order, Prepared

SIZES = {
    "21:9": (1568, 672),
    "16:9": (1392, 752),
    "4:3": (1184, 880),
    "3:2": (1248, 832),
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:4": (880, 1184),
    "9:16": (752, 1392),
    "9:21": (672, 1568),
}
FORMATS = {"jpeg": "JPG", "png": "PNG", "webp": "WEBP"}
MOST = 20
MOST_SEED = 2**63 - 1  # the page prints 9223372036854776000, which is this number after JavaScript rounded it
OURS = {
    "webhookURL": "the callback of this very job",
    "uploadEndpoint": "the upload URL of this very job; ask for it with --upload",
    "taskUUID": "the job's own id",
    "taskType": "imageInference, the only one that makes images",
    "deliveryMethod": "async, so that the answer comes as a callback",
}


class Group(params.Params):
    model_config = ConfigDict(alias_generator=to_camel)


class Inputs(Group):
    reference_images: Annotated[list[params.Image] | None, Field(min_length=1, max_length=2, description="--image")] = (
        None
    )


class Safety(Group):
    check_content: bool | None = None
    mode: Literal["none", "fast"] | None = None


class Maker(Group):
    prompt_upsampling: Annotated[bool | None, Field(description="--upsample")] = None
    safety_tolerance: Annotated[int | None, Field(ge=0, le=6, description="--safety")] = None


class ProviderSettings(Group):
    bfl: Maker | None = None


class Task(Group):
    """One element of the request's array. Sizes beyond the page's list are Runware's to refuse: the list may grow."""

    model: Annotated[Literal["bfl:3@1"], Field(description="--model")] = "bfl:3@1"
    positive_prompt: Annotated[str, Field(min_length=2, max_length=3000, description="--prompt")]
    width: Annotated[int, Field(ge=64, le=16384)]
    height: Annotated[int, Field(ge=64, le=16384)]
    seed: Annotated[int | None, Field(ge=0, le=MOST_SEED, description="--seed")] = None
    number_results: Annotated[int, Field(ge=1, le=MOST, description="--n")] = 1
    output_type: Literal["URL", "base64Data", "dataURI"] | None = None
    output_format: Annotated[Literal["JPG", "PNG", "WEBP"] | None, Field(description="--format")] = None
    output_quality: Annotated[int | None, Field(ge=20, le=99)] = None
    ttl: Annotated[int | None, Field(ge=60, le=10 * 365 * 86400)] = None
    include_cost: bool | None = None
    safety: Safety | None = None
    inputs: Inputs | None = None
    provider_settings: ProviderSettings | None = None


def prepare(order: Order) -> Prepared:
    """With `upload` each result is a task of its own and gets its own seed, so room is needed above the first."""
    pictures = params.images(order, "runware", least=0, most=2)
    named = {
        "model": order.model,
        "positivePrompt": order.prompt,
        "seed": order.seed,
        "numberResults": order.count if order.count != 1 else None,
        "outputFormat": FORMATS.get(order.output_format or "", order.output_format),
        "inputs": {"referenceImages": [params.as_data_uri(each) for each in pictures] or None},
        "providerSettings": {"bfl": {"promptUpsampling": order.upsample, "safetyTolerance": order.safety}},
        **_size(order),
    }
    values = {"includeCost": True, **params.merge(named, order.extra)}
    task = params.check(Task, "runware", values, ours=OURS)
    if task.ttl is not None and task.output_type not in {None, "URL"}:
        raise BadOrder("runware: ttl is for outputType URL only; leave one of them out")
    if order.upload and (task.seed or 0) + task.number_results - 1 > MOST_SEED:
        raise BadOrder(f"runware: seed (--seed) must leave room for one seed per result below {MOST_SEED}")
    said = task.said()
    said.pop("model", None)
    return Prepared(task.model, said, expected=task.number_results, upload=order.upload)


def _size(order: Order) -> dict[str, int]:
    """Width and height for the ratio; a square where nothing is said, because Runware's SDK requires both."""
    if order.aspect_ratio is None:
        told = [name for name in ("width", "height") if order.extra.get(name) is not None]
        if len(told) == 1:
            raise BadOrder(f"runware needs width and height together; {told[0]} stands alone")
        return {} if told else {"width": 1024, "height": 1024}
    if order.aspect_ratio not in SIZES:
        known = ", ".join(SIZES)
        raise BadOrder(f"runware: the aspect ratio (--aspect-ratio) must be one of {known}; or give width and height")
    width, height = SIZES[order.aspect_ratio]
    return {"width": width, "height": height}
