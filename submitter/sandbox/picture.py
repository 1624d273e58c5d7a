"""Draws the pictures that the sandbox's providers answer with: a landscape whose colours come from the seed.

The same picture asked for twice has the same bytes, so nothing needs to be kept between the callback and the download.
"""

import colorsys
import io
import math
import random
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

Format = Literal["jpeg", "png", "webp"]
Colour = tuple[int, int, int]

SUFFIX: dict[Format, str] = {"jpeg": "jpg", "png": "png", "webp": "webp"}
_LONGEST_PROMPT = 400
_SMALLEST_WITH_WORDS = 96


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw. `index` counts from 0 within the `count` results of one job."""

    provider: str
    prompt: str
    seed: int
    width: int = 1024
    height: int = 1024
    format: Format = "jpeg"
    index: int = 0
    count: int = 1
    quality: int = 92
    blank: bool = False

    @property
    def media_type(self) -> str:
        return f"image/{self.format}"


@lru_cache(maxsize=32)
def draw(picture: Picture) -> bytes:
    """The encoded picture. Slow enough (tens of milliseconds) to belong in a thread."""
    if picture.blank:
        return _encoded(Image.new("RGB", (picture.width, picture.height)), picture)
    dice = random.Random(f"{picture.seed}:{picture.index}")  # noqa: S311  colours, not secrets
    hue = dice.random()
    image = _sky(picture, hue)
    _sun(image, hue, dice)
    _hills(image, hue, dice)
    if min(image.size) >= _SMALLEST_WITH_WORDS:
        _words(image, picture)
    return _encoded(image, picture)


def _colour(hue: float, light: float, full: float = 0.55) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, light, full)
    return round(red * 255), round(green * 255), round(blue * 255)


def _sky(picture: Picture, hue: float) -> Image.Image:
    down = Image.linear_gradient("L")
    across = down.transpose(Image.Transpose.ROTATE_90)
    slope = ImageChops.add(ImageChops.add(down, down, scale=2), across, scale=2)
    wide = slope.resize((picture.width, picture.height), Image.Resampling.BILINEAR)
    return ImageOps.colorize(
        wide, black=_colour(hue, 0.30, 0.6), mid=_colour(hue + 0.08, 0.62), white=_colour(hue + 0.2, 0.85, 0.8)
    )


def _sun(image: Image.Image, hue: float, dice: random.Random) -> None:
    pen = ImageDraw.Draw(image, "RGBA")
    width, height = image.size
    x, y, radius = width * dice.uniform(0.2, 0.8), height * dice.uniform(0.3, 0.5), min(width, height) * 0.11
    for ring in (2.2, 1.7, 1.3, 1.0):
        reach = radius * ring
        light = (*_colour(hue + 0.15, 0.92, 0.9), 235 if ring <= 1.0 else 45)
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=light)


def _hills(image: Image.Image, hue: float, dice: random.Random) -> None:
    pen = ImageDraw.Draw(image, "RGBA")
    width, height = image.size
    for layer in range(4):
        ground = height * (0.58 + 0.1 * layer)
        waves = [(dice.uniform(0.8, 2.5), dice.uniform(0, math.tau), dice.uniform(0.02, 0.06)) for _ in range(3)]
        ridge = [
            (
                x,
                ground
                + height * sum(size * math.sin(pace * math.tau * x / width + start) for pace, start, size in waves),
            )
            for x in range(0, width + 16, 16)
        ]
        shade = (*_colour(hue + 0.45 + 0.03 * layer, 0.46 - 0.09 * layer, 0.35), 225)
        pen.polygon([(0, height), *ridge, (width + 16, height)], fill=shade)


def _words(image: Image.Image, picture: Picture) -> None:
    pen = ImageDraw.Draw(image, "RGBA")
    width, height = image.size
    size = max(min(width, height) // 28, 9)
    font, small = ImageFont.load_default(size=size), ImageFont.load_default(size=max(size * 2 // 3, 8))
    edge = size
    lines = _wrapped(picture.prompt, letters=max(int((width - 4 * edge) / (size * 0.56)), 6), most=5)
    top = height - edge * 3 - round(size * 1.35) * len(lines)
    pen.rounded_rectangle((edge, top - edge, width - edge, height - edge), radius=edge, fill=(12, 14, 24, 165))
    for number, line in enumerate(lines):
        pen.text((edge * 2, top - edge / 4 + number * size * 1.35), line, font=font, fill=(255, 255, 255, 255))
    label = f"{picture.provider} sandbox  |  seed {picture.seed}  |  image {picture.index + 1} of {picture.count}"
    pen.text((edge * 2, height - edge * 2.4), label, font=small, fill=(255, 255, 255, 190))


def _wrapped(prompt: str, *, letters: int, most: int) -> list[str]:
    """The prompt in lines that fit. Control and direction marks are spaces here: they must not steer the drawing."""
    plain = "".join(letter if letter.isprintable() else " " for letter in prompt[:_LONGEST_PROMPT])
    return textwrap.wrap(plain, width=letters, max_lines=most, placeholder=" ...") or ["(no words)"]


def _encoded(image: Image.Image, picture: Picture) -> bytes:
    out = io.BytesIO()
    if picture.format == "png":
        image.save(out, "PNG", compress_level=1)
    elif picture.format == "webp":
        image.save(out, "WEBP", quality=picture.quality, method=0)
    else:
        image.save(out, "JPEG", quality=picture.quality)
    return out.getvalue()
