"""What may be ordered of Fireworks' FLUX.1 Kontext.

Source: https://docs.fireworks.ai/api-reference/generate-or-edit-image-using-flux-kontext, request body.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from receiver.errors import BadOrder
from receiver.wire import params
from receiver.wire.orders import Order, Prepared

SAFETY_WITH_IMAGE = 2
OURS = dict.fromkeys(("webhook_url", "webhook_secret"), "the callback of this very job")


class Inputs(params.Params):
    """The request body of the page, and the model that is part of its path."""

    model: Annotated[Literal["flux-kontext-pro", "flux-kontext-max"], Field(description="--model")] = "flux-kontext-pro"
    prompt: params.Prompt
    input_image: params.Image | None = None
    seed: params.Seed | None = None
    aspect_ratio: params.Ratio | None = None
    output_format: Annotated[Literal["jpeg", "png"] | None, Field(description="--format")] = None
    prompt_upsampling: Annotated[bool | None, Field(description="--upsample")] = None
    safety_tolerance: Annotated[int | None, Field(ge=0, le=6, description="--safety")] = None

    @model_validator(mode="after")
    def _stricter_with_image(self) -> Self:
        if self.input_image is not None and (self.safety_tolerance or 0) > SAFETY_WITH_IMAGE:
            raise BadOrder("fireworks: safety_tolerance (--safety) must be 0 to 2 where there is an input image")
        return self


def prepare(order: Order) -> Prepared:
    if order.count != 1:
        params.refuse("fireworks", "--n", "makes one image per job")
    if order.upload:
        params.refuse("fireworks", "--upload", "cannot put images to us")
    pictures = params.images(order, "fireworks", least=0, most=1)
    named = {
        "model": order.model,
        "prompt": order.prompt,
        "input_image": params.as_base64(pictures[0]) if pictures else None,
        "seed": order.seed,
        "aspect_ratio": order.aspect_ratio,
        "output_format": order.output_format,
        "prompt_upsampling": order.upsample,
        "safety_tolerance": order.safety,
    }
    inputs = params.check(Inputs, "fireworks", params.merge(named, order.extra), ours=OURS)
    said = inputs.said()
    said.pop("model", None)
    return Prepared(inputs.model, said)
