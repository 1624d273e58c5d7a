"""A stored picture, decoded again and made small: WebP of at most 512 pixels a side, for lists of many."""

import contextlib
import io
from functools import partial
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from receiver.check import decoding, opened

SIDE = 512
"""Pixels: a tile of 256 on a screen that has two to each."""
QUALITY = 80
EFFORT = 2
"""Of WebP's 0 to 6. From 2 on a file gets one tenth smaller and takes twice as long."""
LONGEST_PROFILE = 2**16
"""Bytes of a colour profile that goes along; a longer one would be most of the file."""
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""EXIF's orientation (CIPA DC-008 §4.6.4) → what sets the picture upright."""


async def shrink(path: Path, media_type: str, max_pixels: int) -> bytes:
    """WebP (RFC 9649), turned as EXIF says, transparency kept; of an animation the first frame. Never enlarged.

    Nothing else of the file's metadata goes along but its colour profile. Raises as `check` does.
    """
    return await decoding(partial(_shrink, path, media_type, max_pixels), media_type, max_pixels)


def _shrink(path: Path, media_type: str, max_pixels: int) -> bytes:
    with opened(path, media_type, max_pixels) as image:
        image.draft(None, (2 * SIDE, 2 * SIDE))  # JPEG decodes to a fraction of its size; the others take no notice
        image.load()
        turn, profile = _turn(image), image.info.get("icc_profile") or b""
        small = _plain(image)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    small = small.transpose(turn) if turn is not None else small
    fits = len(profile) <= LONGEST_PROFILE and profile[16:20] == b"RGB "  # ICC.1 §7.2.6: the profile's colour space
    more: dict[str, Any] = {"icc_profile": profile if fits else b""}
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, method=EFFORT, **more)
    return out.getvalue()


def _turn(image: Image.Image) -> Image.Transpose | None:
    """None for an upright picture, and for EXIF data that cannot be read: the picture can all the same."""
    with contextlib.suppress(Exception):
        return _TURN.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return None


def _plain(image: Image.Image) -> Image.Image:
    """In one of the two modes that WebP knows."""
    if image.mode.startswith("I"):  # 16 bits of grey; Pillow would cut off all above 255
        image = image.point(lambda level: level * (1 / 256)).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
