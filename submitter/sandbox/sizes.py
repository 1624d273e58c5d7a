"""From an aspect ratio to pixels, as FLUX.1 Kontext does it: the nearest of the sizes it was trained on, about 1 MP.

The list is the model's own (`PREFERED_KONTEXT_RESOLUTIONS` in Black Forest Labs' reference code), cut to the ratios
that the providers' pages name.
"""

import math

_LANDSCAPE = ((1024, 1024), (1184, 880), (1248, 832), (1392, 752), (1568, 672))
_SIZES = (*_LANDSCAPE, *((height, width) for width, height in _LANDSCAPE[1:]))
WIDEST_LOG = math.log(21 / 9) + 1e-9


def ratio(text: str) -> float:
    """`W:H` as a number. Raises ValueError outside 21:9 … 9:21, the range of every provider's page."""
    width, colon, height = text.partition(":")
    if not (colon and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise ValueError("aspect_ratio must look like 16:9")
    if len(width) > 4 or len(height) > 4 or not int(width) or not int(height):  # noqa: PLR2004  no real side has five digits
        raise ValueError("aspect_ratio must look like 16:9")
    found = int(width) / int(height)
    if not -WIDEST_LOG <= math.log(found) <= WIDEST_LOG:
        raise ValueError("aspect_ratio must be between 21:9 and 9:21")
    return found


def pixels(aspect_ratio: str | None) -> tuple[int, int]:
    """Width and height for an aspect ratio; square where none was asked for."""
    wanted = math.log(ratio(aspect_ratio)) if aspect_ratio else 0.0
    return min(_SIZES, key=lambda size: abs(math.log(size[0] / size[1]) - wanted))
