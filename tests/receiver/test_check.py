import asyncio
import struct
import threading
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from receiver.check import Checked, check
from receiver.errors import NotAnImage, TooLarge, TryLater
from receiver.wire.images import FORMATS

PLENTY = 1_000_000


def picture(kind: str, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    file = BytesIO()
    gradient = Image.linear_gradient("L").resize(size)
    Image.merge("RGB", (gradient, gradient.rotate(90), gradient.rotate(180))).save(file, kind, **options)
    return file.getvalue()


Save = Callable[[bytes], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(data: bytes) -> Path:
        path = tmp_path / "image"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("media_type", sorted(FORMATS))
async def test_each_type_is_decoded_and_measured(save: Save, media_type: str) -> None:
    """A good file of every stored type passes with its width and height."""
    path = save(picture(FORMATS[media_type]))
    assert await check(path, media_type, PLENTY) == Checked(media_type, 64, 48)


@pytest.mark.parametrize("media_type", sorted(FORMATS))
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
async def test_a_file_cut_short_is_no_image(save: Save, media_type: str, share: float) -> None:
    """The header is not believed: every pixel has to be there."""
    whole = picture(FORMATS[media_type], (200, 200))
    path = save(whole[: int(len(whole) * share)])
    with pytest.raises(NotAnImage, match="does not decode"):
        await check(path, media_type, PLENTY)


@pytest.mark.parametrize("media_type", sorted(FORMATS))
@pytest.mark.parametrize("other", sorted(FORMATS))
async def test_another_format_is_refused(save: Save, media_type: str, other: str) -> None:
    """Only the decoder that the first bytes named may open the file."""
    if other == media_type:
        return
    path = save(picture(FORMATS[other]))
    with pytest.raises(NotAnImage):
        await check(path, media_type, PLENTY)


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "image/avif", "application/postscript", ""])
async def test_a_type_off_the_list_is_refused(save: Save, media_type: str) -> None:
    """No decoder but the listed ones is ever tried."""
    path = save(picture("PNG"))
    with pytest.raises(NotAnImage):
        await check(path, media_type, PLENTY)


@pytest.mark.parametrize("media_type", sorted(FORMATS))
async def test_the_bound_is_exact(save: Save, media_type: str) -> None:
    """As many pixels as allowed pass; one fewer allowed and they do not."""
    path = save(picture(FORMATS[media_type], (10, 10)))
    await check(path, media_type, 100)
    with pytest.raises(TooLarge, match="MAX_IMAGE_PIXELS"):
        await check(path, media_type, 99)


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims more pixels than it pays for."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [1_001, 20_000, 2**31 - 1])
async def test_a_bomb_is_refused_before_it_goes_off(save: Save, side: int) -> None:
    """The pixels are counted in the header, below and above the bound at which Pillow itself would refuse."""
    path = save(bomb(side, side))
    with pytest.raises((TooLarge, NotAnImage)) as caught:
        await check(path, "image/png", PLENTY)
    assert side == 2**31 - 1 or caught.type is TooLarge


async def test_more_than_pillows_default_passes_when_allowed(save: Save) -> None:
    """The setting decides, not Pillow's own limit of 89 million; and that limit is left as it was."""
    before = Image.MAX_IMAGE_PIXELS
    path = save(bomb(10_000, 10_000))
    with pytest.raises(NotAnImage):
        await check(path, "image/png", 120_000_000)
    assert before == Image.MAX_IMAGE_PIXELS


async def test_an_orientation_is_not_applied(save: Save) -> None:
    """Width and height are those of the stored pixels."""
    turned = Image.Exif()
    turned[0x0112] = 6
    path = save(picture("JPEG", exif=turned))
    assert await check(path, "image/jpeg", PLENTY) == Checked("image/jpeg", 64, 48)


@pytest.mark.parametrize("media_type", ["image/gif", "image/webp", "image/png"])
async def test_an_animation_counts_by_its_first_frame(save: Save, media_type: str) -> None:
    """Animated files pass; only one frame is decoded."""
    file = BytesIO()
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "green", "blue")]
    frames[0].save(file, FORMATS[media_type], save_all=True, append_images=frames[1:])
    assert await check(save(file.getvalue()), media_type, PLENTY) == Checked(media_type, 8, 6)


async def test_a_jpeg_with_more_pictures_is_a_jpeg(save: Save) -> None:
    """A camera's multi-picture JPEG is decoded as the JPEG that it is."""
    file = BytesIO()
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "green")]
    frames[0].save(file, "MPO", save_all=True, append_images=frames[1:])
    assert await check(save(file.getvalue()), "image/jpeg", PLENTY) == Checked("image/jpeg", 8, 6)


async def test_a_file_that_cannot_be_read_says_nothing_about_the_image(tmp_path: Path) -> None:
    """A missing or unreadable file is our trouble, to be tried later."""
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(TryLater):
            await check(path, "image/png", PLENTY)


async def test_any_error_of_a_decoder_is_ours(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a decoder raises, the file is no image; want of memory is our trouble."""
    path = save(picture("PNG"))
    for error in (ValueError, SyntaxError, struct.error, IndexError, ZeroDivisionError, RecursionError):
        monkeypatch.setattr(Image.Image, "load", _raising(error))
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", _raising(error))
        with pytest.raises(NotAnImage):
            await check(path, "image/png", PLENTY)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", _raising(MemoryError))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", _raising(MemoryError), raising=False)
    with pytest.raises(TryLater):
        await check(path, "image/png", PLENTY)


async def test_one_decode_at_a_time(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by one image's pixels, however many checks are asked for at once."""
    path = save(picture("PNG"))
    threads: set[str] = set()
    real = Image.open

    def watched(*args: object, **options: object) -> Image.Image:
        threads.add(threading.current_thread().name)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", watched)
    await asyncio.gather(*(check(path, "image/png", PLENTY) for _ in range(12)))
    assert len(threads) == 1


def _raising(error: type[Exception]) -> object:
    def load(_: object) -> None:
        raise error

    return load
