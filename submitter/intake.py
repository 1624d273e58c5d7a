"""Pictures as whoever is at the machine names them: a file, too, which no order from outside may."""

from pathlib import Path

from receiver import intake
from receiver.errors import BadOrder
from receiver.wire.orders import InputImage


def picture(source: str | Path) -> InputImage:
    """A URL, a data URI or a file. Raises BadOrder for what is no picture, or is too large."""
    text = str(source)
    if text.startswith(("http://", "https://", "data:")):
        return intake.picture(text)
    path = Path(source)
    try:
        if path.stat().st_size > intake.MOST_IMAGE_BYTES:
            raise BadOrder(f"--image {path.name}: larger than 20 MB")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadOrder(f"--image {text}: {getattr(error, 'strerror', None) or 'cannot be read'}") from None
    return intake.held(data, f"--image {path.name}", path.name)
