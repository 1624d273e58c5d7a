"""What may be ordered of Vtrix' FLUX.1 Kontext [pro].

Source: https://doc.vtrix.ai/docs/api/blackforestlabs/flux-kontext-pro, parameters.
"""

from typing import Annotated, Literal

from pydantic import Field

from receiver.errors import BadOrder
from receiver.wire import params
from receiver.wire.orders import Order, Prepared

IMAGES = ("input_image", "input_image_2", "input_image_3", "input_image_4")
IMAGE_BYTES = 20 * 2**20
NO_CALLBACK = "vtrix calls nobody back, and the job is asked about instead"
OURS = dict.fromkeys(("webhook_url", "webhook_secret", "webhookURL", "callback_url"), NO_CALLBACK)


class Inputs(params.Params):
    """The parameters of the page. `safety_tolerance` starts at 1 there, though the text beside it speaks of 0."""

    model: Annotated[Literal["flux_kontext_pro"], Field(description="--model")] = "flux_kontext_pro"
    prompt: params.Prompt
    input_image: params.Image | None = None
    input_image_2: params.Image | None = None
    input_image_3: params.Image | None = None
    input_image_4: params.Image | None = None
    seed: params.Seed | None = None
    aspect_ratio: params.Ratio | None = None
    output_format: Annotated[Literal["jpeg", "png"] | None, Field(description="--format")] = None
    prompt_upsampling: Annotated[bool | None, Field(description="--upsample")] = None
    safety_tolerance: Annotated[int | None, Field(ge=1, le=6, description="--safety")] = None


def prepare(order: Order) -> Prepared:
    if order.count != 1:
        params.refuse("vtrix", "--n", "makes one image per job")
    if order.upload:
        params.refuse("vtrix", "--upload", "cannot put images to us")
    pictures = params.images(order, "vtrix", least=0, most=len(IMAGES))
    if any(len(each.data or b"") > IMAGE_BYTES for each in pictures):
        raise BadOrder("vtrix takes input images (--image) of at most 20 MB each")
    named = {
        "model": order.model,
        "prompt": order.prompt,
        **{name: params.as_base64(each) for name, each in zip(IMAGES, pictures, strict=False)},
        "seed": order.seed,
        "aspect_ratio": order.aspect_ratio,
        "output_format": order.output_format,
        "prompt_upsampling": order.upsample,
        "safety_tolerance": order.safety,
    }
    inputs = params.check(Inputs, "vtrix", params.merge(named, order.extra), ours=OURS)
    said = inputs.said()
    said.pop("model", None)
    return Prepared(inputs.model, said)
