import io

import pytest
from PIL import Image

from submitter.sandbox.picture import Format, Picture, draw
from submitter.sandbox.sizes import pixels, ratio


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_picture_has_the_format_and_size_asked_for(kind: Format) -> None:
    """A decoder, not a file name, says what it is."""
    with Image.open(io.BytesIO(draw(Picture("fal", "a donut", 7, 320, 200, kind)))) as image:
        image.load()
        assert (image.format or "").lower() == kind
        assert image.size == (320, 200)


def test_the_same_picture_has_the_same_bytes() -> None:
    """Nothing is kept between the callback and the download, so drawing must repeat itself."""
    picture = Picture("fal", "a donut", 7, 128, 128)
    first = draw(picture)
    draw.cache_clear()
    assert draw(picture) == first


@pytest.mark.parametrize(
    "other",
    [
        Picture("runware", "a donut", 7, 256, 256),
        Picture("fal", "a bagel", 7, 256, 256),
        Picture("fal", "a donut", 8, 256, 256),
        Picture("fal", "a donut", 7, 256, 256, index=1, count=2),
    ],
)
def test_provider_prompt_seed_and_index_show(other: Picture) -> None:
    """A person can tell the pictures of two jobs apart."""
    assert draw(other) != draw(Picture("fal", "a donut", 7, 256, 256))


def test_seeds_look_different() -> None:
    """The colours come from the seed: the sky's corner differs."""
    corners = set()
    for seed in range(5):
        with Image.open(io.BytesIO(draw(Picture("fal", "a", seed, 96, 96, "png")))) as image:
            corners.add(image.getpixel((0, 0)))
    assert len(corners) == 5


@pytest.mark.parametrize(
    "prompt",
    ["", "\x00\x1b[31m\r\n\t", "\u202eevil\u2066", "\ud800", "מילים " * 400, "a" * 10_000, "🍩" * 300, "%s {0}"],
)
@pytest.mark.parametrize("size", [(512, 512), (96, 2048), (16, 16)])
def test_hostile_prompts_do_no_harm(prompt: str, size: tuple[int, int]) -> None:
    """Control characters, direction marks, lone surrogates and endless words are drawn or left out, never raised."""
    assert draw(Picture("fal", prompt, -1, *size)).startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        (None, (1024, 1024)),
        ("1:1", (1024, 1024)),
        ("16:9", (1392, 752)),
        ("9:16", (752, 1392)),
        ("3:2", (1248, 832)),
        ("4:3", (1184, 880)),
        ("3:4", (880, 1184)),
        ("21:9", (1568, 672)),
        ("9:21", (672, 1568)),
        ("5:4", (1184, 880)),
    ],
)
def test_an_aspect_ratio_becomes_one_of_kontexts_sizes(asked: str | None, size: tuple[int, int]) -> None:
    """About one megapixel, both sides multiples of 16."""
    assert pixels(asked) == size
    assert all(side % 16 == 0 for side in size)


@pytest.mark.parametrize(
    "text", ["", "16", "16x9", "0:1", "1:0", "22:9", "9:22", "-1:1", "1e3:1", "²:1", "99999:99999"]
)
def test_other_aspect_ratios_are_refused(text: str) -> None:
    """Every provider's page says between 21:9 and 9:21."""
    with pytest.raises(ValueError, match="aspect_ratio"):
        ratio(text)
