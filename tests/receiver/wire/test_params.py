from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from receiver.errors import BadOrder
from receiver.wire import params
from receiver.wire.orders import InputImage, Order


class Inner(params.Params):
    tolerance: Annotated[int | None, Field(ge=0, le=6, description="--safety")] = None


class Model(params.Params):
    prompt: params.Prompt
    seed: params.Seed | None = None
    aspect_ratio: params.Ratio | None = None
    kind: Literal["jpeg", "png"] | None = None
    sharp: bool | None = None
    settings: Inner | None = None
    images: Annotated[list[str] | None, Field(min_length=1, max_length=2)] = None


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(BadOrder) as error:
        params.check(Model, "acme", values, ours={"webhook_url": "the callback of this job"})
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "acme: prompt (--prompt) is missing; it must be a text of 1 to 10000 characters"),
        ({"prompt": ""}, "acme: prompt (--prompt) must be a text of 1 to 10000 characters"),
        ({"prompt": "x", "kind": "gif"}, "acme: kind must be jpeg or png"),
        ({"prompt": "x", "sharp": "yes"}, "acme: sharp must be true or false"),
        ({"prompt": "x", "images": []}, "acme: images must be a list of 1 to 2 entries"),
        ({"prompt": "x", "images": [1]}, "acme: images.0 must be a text"),
        (
            {"prompt": "x", "settings": {"tolerance": 7}},
            "acme: settings.tolerance (--safety) must be a whole number from 0 to 6",
        ),
        ({"prompt": "x", "settings": 3}, "acme: settings must be a group of parameters"),
        (
            {"prompt": "x", "settings": {"tolerence": 1}},
            "acme: there is no parameter settings.tolerence (did you mean tolerance?); known are tolerance",
        ),
        (
            {"promt": "x"},
            (
                "acme: there is no parameter promt (did you mean prompt?); "
                "known are aspect_ratio, images, kind, prompt, seed, settings, sharp"
            ),
        ),
    ],
)
def test_a_refusal_is_one_sentence_with_the_mend(values: dict[str, Any], sentence: str) -> None:
    """It names the parameter by its dotted path, its option, and what is allowed."""
    assert refused(values) == sentence


@pytest.mark.parametrize("value", ["5", 1.0, True, 2**65])
def test_types_are_strict(value: Any) -> None:
    """A seed is an integer: nothing is converted on the quiet."""
    assert refused({"prompt": "x", "seed": value}).startswith("acme: seed (--seed) must be a whole number")


@pytest.mark.parametrize(
    "values", [{"webhook_url": "x"}, {"settings": {"webhook_url": 1}}, {"images": [{"webhook_url": 1}]}]
)
def test_our_own_parameters_are_refused_at_any_depth(values: dict[str, Any]) -> None:
    """Nobody redirects a callback by `-p`."""
    assert "webhook_url is set by proofhook itself (the callback of this job)" in refused({"prompt": "x", **values})


def test_endless_nesting_is_refused() -> None:
    """A deep value is a sentence, not a RecursionError."""
    value: dict[str, Any] = {}
    for _ in range(5000):
        value = {"a": value}
    assert "nested deeper" in refused({"prompt": "x", **value})


def test_only_what_was_said_is_sent() -> None:
    """Defaults stay the provider's own."""
    given = params.check(Model, "acme", {"prompt": "x", "seed": None, "settings": {"tolerance": 0}}, ours={})
    assert given.said() == {"prompt": "x", "settings": {"tolerance": 0}}


def test_merging_goes_deep_and_drops_what_was_not_said() -> None:
    """Named options and `-p` meet in one tree."""
    named = {"a": 1, "b": {"c": None, "d": 2}, "e": {"f": None}, "g": None}
    assert params.merge(named, {"b": {"c": 3}, "g": 4}) == {"a": 1, "b": {"c": 3, "d": 2}, "g": 4}


@pytest.mark.parametrize("extra", [{"b": {"c": 1}}, {"b": 1}, {"a": {}}])
def test_twice_is_refused(extra: dict[str, Any]) -> None:
    """Neither of two values silently wins, even if they are equal."""
    with pytest.raises(BadOrder, match="given twice"):
        params.merge({"a": 1, "b": {"c": 1}}, extra)


def test_images_as_text() -> None:
    """A URL passes as it is; bytes become a data URI or base64."""
    picture = InputImage(data=b"hi", media_type="image/png")
    assert params.as_data_uri(picture) == "data:image/png;base64,aGk="
    assert params.as_base64(picture) == "aGk="
    linked = InputImage(url="https://example.com/a.png")
    assert params.as_data_uri(linked) == params.as_base64(linked) == "https://example.com/a.png"
    with pytest.raises(BadOrder, match=r"^--image cat\.png is empty"):
        params.as_base64(InputImage(data=b"", name="cat.png"))


@pytest.mark.parametrize(
    ("count", "least", "most", "sentence"),
    [
        (2, 0, 1, "acme takes at most 1 input image (--image), not 2"),
        (0, 1, 1, "acme takes 1 input image (--image), not 0"),
        (0, 1, 4, "acme takes 1 to 4 input images (--image), not 0"),
    ],
)
def test_the_number_of_images(count: int, least: int, most: int, sentence: str) -> None:
    """Too few or too many are refused with the bounds."""
    order = Order(images=(InputImage(url="https://example.com/a.png"),) * count)
    with pytest.raises(BadOrder) as error:
        params.images(order, "acme", least=least, most=most)
    assert str(error.value) == sentence
    assert params.images(order, "acme", least=0, most=4) == order.images


@pytest.mark.parametrize(
    ("text", "expected"), [("16:9", (16, 9)), ("21:9", (21, 9)), ("9:21", (9, 21)), ("7:3", (7, 3))]
)
def test_a_ratio(text: str, expected: tuple[int, int]) -> None:
    """The bounds are part of the range."""
    assert params.ratio(text) == expected


@pytest.mark.parametrize(
    "text", ["", "16x9", "16:9 ", "0:1", "1:0", "22:9", "9:22", "1:99999", "-1:1", "\u0661:\u0661", "16:9\n"]
)
def test_no_ratio(text: str) -> None:
    """Junk and what lies outside 21:9 to 9:21 is refused."""
    with pytest.raises(BadOrder, match="between 21:9 and 9:21"):
        params.ratio(text)
    assert "aspect" in refused({"prompt": "x", "aspect_ratio": text})


def test_what_cannot_be_done_is_a_sentence() -> None:
    """The mend is part of it."""
    with pytest.raises(BadOrder, match=r"^acme makes one image per job; leave out --n$"):
        params.refuse("acme", "--n", "makes one image per job")
