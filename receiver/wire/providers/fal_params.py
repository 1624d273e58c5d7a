"""What may be ordered of fal's FLUX.1 Kontext [pro].

Source: https://fal.ai/models/fal-ai/flux-pro/kontext/api, input schema.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from receiver.wire import params
from receiver.wire.orders import Order, Prepared

MODEL = "fal-ai/flux-pro/kontext"
OURS = dict.fromkeys(("webhook_url", "fal_webhook"), "the callback of this very job")


def _digits(value: object) -> object:
    """A tolerance is a text on this page only; `-p safety_tolerance=2` means what it says."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Tolerance = Annotated[Literal["1", "2", "3", "4", "5", "6"], BeforeValidator(_digits)]
Ratio = Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]


class Input(params.Params):
    """The input schema of the page, every parameter under its own name."""

    prompt: Annotated[params.Prompt, Field(description="--prompt")]
    image_url: Annotated[params.Image, Field(description="--image")]
    # Results of fal name seeds beyond 63 bits; one that came out must go in again.
    seed: Annotated[int | None, Field(ge=0, le=2**64 - 1, description="--seed")] = None
    guidance_scale: Annotated[float | None, Field(ge=1, le=20)] = None
    sync_mode: bool | None = None
    num_images: Annotated[int | None, Field(ge=1, le=4, description="--n")] = None
    output_format: Annotated[Literal["jpeg", "png"] | None, Field(description="--format")] = None
    safety_tolerance: Annotated[Tolerance | None, Field(description="--safety")] = None
    aspect_ratio: Annotated[Ratio | None, Field(description="--aspect-ratio")] = None


def prepare(order: Order) -> Prepared:
    if order.upload:
        params.refuse("fal", "--upload", "cannot put images to us")
    if order.upsample:
        params.refuse("fal", "--upsample", "has no prompt upsampling on this model")
    if order.model not in {None, MODEL}:
        params.refuse("fal", "--model", f"is asked for {MODEL} only")
    given = "image_url" in order.extra and not order.images
    named = {
        "prompt": order.prompt,
        "image_url": None if given else params.as_data_uri(params.images(order, "fal", least=1, most=1)[0]),
        "seed": order.seed,
        "num_images": None if order.count == 1 else order.count,
        "output_format": order.output_format,
        "safety_tolerance": order.safety,
        "aspect_ratio": order.aspect_ratio,
    }
    checked = params.check(Input, "fal", params.merge(named, order.extra), ours=OURS)
    return Prepared(MODEL, checked.said(), expected=checked.num_images or 1)
