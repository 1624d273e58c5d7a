"""Whether a stored file really is the image that its first bytes announce: it is decoded, whole."""

import asyncio
import contextlib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from PIL import Image

from receiver.errors import NotAnImage, TooLarge, TryLater
from receiver.wire.images import FORMATS

T = TypeVar("T")

_DECODER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")
"""One thread: so memory is bounded by one image's pixels, however many tasks there are in this process."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the decoder found. Pixels as stored: an EXIF orientation is not applied."""

    media_type: str
    width: int
    height: int


async def check(path: Path, media_type: str, max_pixels: int) -> Checked:
    """Decodes the file as `media_type` (as sniffed) and nothing else; of an animation, the first frame.

    Raises TooLarge, before any pixel is decoded, above `max_pixels` (width times height); NotAnImage for a file that
    is damaged, short of pixels or of another format; TryLater where reading or memory failed, which says nothing
    about the file. A missing end marker behind the last pixel (PNG's IEND, GIF's trailer) passes, as in browsers.
    """
    return await decoding(partial(_decode, path, media_type, max_pixels), media_type, max_pixels)


async def decoding(work: Callable[[], T], media_type: str, max_pixels: int) -> T:
    """Let `work` decode a picture that it has `opened`, in the one thread for that. Raises as `check` does."""
    if media_type not in FORMATS:
        raise NotAnImage("not a format that we store")
    return await asyncio.get_running_loop().run_in_executor(_DECODER, partial(_guarded, work, media_type, max_pixels))


@contextlib.contextmanager
def opened(path: Path, media_type: str, max_pixels: int) -> Iterator[Image.Image]:
    """The picture, none of its pixels decoded yet; only of that format, and never of more pixels."""
    with _capped(max_pixels), Image.open(path, formats=[FORMATS[media_type]]) as image:
        width, height = image.size
        if width * height > max_pixels:  # again: another thread may have put the warning filters back
            raise TooLarge
        yield image


def _guarded(work: Callable[[], T], media_type: str, max_pixels: int) -> T:
    try:
        return work()
    except (TooLarge, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise TooLarge(f"more than the {max_pixels} pixels that MAX_IMAGE_PIXELS allows") from None
    except MemoryError as error:
        raise TryLater("not enough memory to decode the image") from error
    except Exception as error:  # Pillow's decoders raise OSError, ValueError, SyntaxError, struct.error, IndexError …
        if isinstance(error, OSError) and error.errno is not None:
            raise TryLater(f"the image cannot be read: {error.strerror}") from error
        raise NotAnImage(f"does not decode as {media_type}: damaged, cut short or of another format") from error


def _decode(path: Path, media_type: str, max_pixels: int) -> Checked:
    with opened(path, media_type, max_pixels) as image:
        size = image.size
        image.load()
    return Checked(media_type, *size)


@contextlib.contextmanager
def _capped(max_pixels: int) -> Iterator[None]:
    """Pillow's own bound becomes ours, and an error. It is process-wide, hence put back: others may use Pillow."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
