from dataclasses import replace
from typing import Any

import pytest

from receiver.errors import BadOrder
from receiver.wire.orders import InputImage, Order
from receiver.wire.providers.fal import PROVIDER

IMAGE = "https://v3.fal.media/files/rabbit/rmgBxhwGYb2d3pl3x9sKf_output.png"
PICTURE = InputImage(url=IMAGE)


def order(**changed: Any) -> Order:
    return replace(Order(prompt="Put a donut next to the flour.", images=(PICTURE,)), **changed)


def test_plain_order() -> None:
    """What is not asked for is not sent: fal's defaults stay fal's."""
    prepared = PROVIDER.prepare(order())

    assert dict(prepared.params) == {"prompt": "Put a donut next to the flour.", "image_url": IMAGE}
    assert (prepared.model, prepared.expected, prepared.upload) == ("fal-ai/flux-pro/kontext", 1, False)


def test_named_options() -> None:
    """The options that mean the same everywhere are put into fal's words: the tolerance is a text there."""
    prepared = PROVIDER.prepare(
        order(
            seed=17454220438242315174,
            aspect_ratio="16:9",
            output_format="png",
            count=4,
            safety=6,
            upsample=False,
            model="fal-ai/flux-pro/kontext",
        )
    )

    assert prepared.params == {
        "prompt": "Put a donut next to the flour.",
        "image_url": IMAGE,
        "seed": 17454220438242315174,
        "aspect_ratio": "16:9",
        "output_format": "png",
        "num_images": 4,
        "safety_tolerance": "6",
    }
    assert prepared.expected == 4


def test_every_parameter_of_the_page() -> None:
    """Each parameter of the model's page goes through `-p`, under its own name."""
    page = {
        "prompt": "x",
        "seed": 1,
        "guidance_scale": 3.5,
        "sync_mode": True,
        "num_images": 2,
        "output_format": "jpeg",
        "safety_tolerance": "2",
        "aspect_ratio": "21:9",
        "image_url": IMAGE,
    }

    prepared = PROVIDER.prepare(Order(extra=page))

    assert prepared.params == page
    assert prepared.expected == 2


@pytest.mark.parametrize(("given", "sent"), [({"guidance_scale": 3}, 3.0), ({"safety_tolerance": 5}, "5")])
def test_lenient_where_it_is_clear(given: dict[str, Any], sent: object) -> None:
    """A whole number is a number, and a tolerance given as one is the text that fal wants."""
    assert PROVIDER.prepare(order(extra=given)).params[next(iter(given))] == sent


def test_image_from_bytes() -> None:
    """A picture of ours goes along as a data URI (RFC 2397)."""
    prepared = PROVIDER.prepare(order(images=(InputImage(data=b"\xff\xd8\xff", media_type="image/jpeg"),)))

    assert prepared.params["image_url"] == "data:image/jpeg;base64,/9j/"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"safety": 0}, "safety_tolerance"),
        ({"safety": 7}, "safety_tolerance"),
        ({"aspect_ratio": "5:4"}, "aspect_ratio"),
        ({"output_format": "webp"}, "jpeg or png"),
        ({"count": 0}, "num_images"),
        ({"count": 5}, "from 1 to 4"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "\ud83c"}, "prompt"),
        ({"images": ()}, "input image"),
        ({"images": (PICTURE, PICTURE)}, "input image"),
        ({"images": (InputImage(data=b""),)}, "empty"),
        ({"upsample": True}, "--upsample"),
        ({"upload": True}, "--upload"),
        ({"model": "fal-ai/flux-pro/kontext/max"}, "--model"),
        ({"extra": {"webhook_url": "https://example.com"}}, "webhook_url"),
        ({"extra": {"fal_webhook": "https://example.com"}}, "fal_webhook"),
        ({"extra": {"input": {"fal_webhook": "https://example.com"}}}, "fal_webhook"),
        ({"extra": {"guidance_scale": 0.5}}, "guidance_scale"),
        ({"extra": {"guidance_scale": 20.1}}, "guidance_scale"),
        ({"extra": {"guidance_scale": float("nan")}}, "guidance_scale"),
        ({"extra": {"guidance_scale": True}}, "guidance_scale"),
        ({"extra": {"sync_mode": "yes"}}, "sync_mode"),
        ({"extra": {"safety_tolerance": True}}, "safety_tolerance"),
        ({"extra": {"num_image": 2}}, "num_images"),
        ({"extra": {"prompt_upsampling": True}}, "prompt_upsampling"),
        ({"extra": {"prompt": "again"}}, "prompt"),
        ({"count": 2, "extra": {"num_images": 3}}, "num_images"),
        ({"extra": {"image_url": IMAGE}}, "image_url"),
    ],
)
def test_refused_before_money_is_spent(changed: dict[str, Any], named: str) -> None:
    """What fal cannot do is a BadOrder whose sentence names it."""
    with pytest.raises(BadOrder, match=named):
        PROVIDER.prepare(order(**changed))
