"""From what a person writes to an Order: pictures checked, parameters read, and the order kept as JSON.

Nothing here opens a file or an address that somebody names: the exposed process takes orders, too.
"""

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from receiver.errors import BadOrder
from receiver.storage import Storage
from receiver.wire import images
from receiver.wire.orders import InputImage, Order

_OPTION = re.compile(r"(?<![\w-])(?:--[a-z]+(?:-[a-z]+)*|-p)(?![\w-])")
MOST_IMAGE_BYTES = 20 * 10**6
"""What the strictest of the providers that name a limit (Vtrix) takes: 20 MB."""


def picture(source: str) -> InputImage:
    """A URL or a data URI (RFC 2397). Raises BadOrder for what is neither, is no picture, or is too large."""
    if source.startswith(("http://", "https://")):
        return InputImage(url=source)
    if source.startswith("data:"):
        return held(_from_data_uri(source), "the data URI")
    raise BadOrder("--image: write a URL (https://…) or a data URI (data:image/png;base64,…)")


def _from_data_uri(text: str) -> bytes:
    head, comma, payload = text.partition(",")
    if not comma or not head.endswith(";base64"):
        raise BadOrder("--image: a data URI must be base64: data:image/png;base64,…")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadOrder("--image: the data URI's base64 is damaged") from None


def held(data: bytes, what: str, name: str | None = None) -> InputImage:
    """Bytes as an input picture. Raises BadOrder, which calls them `what`, where they are none or too large."""
    if len(data) > MOST_IMAGE_BYTES:
        raise BadOrder(f"{what}: larger than 20 MB")
    media_type = images.sniff(data[: images.HEAD])
    if media_type not in {"image/jpeg", "image/png", "image/webp"}:
        raise BadOrder(f"{what}: not a JPEG, PNG or WebP picture")
    return InputImage(data=data, media_type=media_type, name=name)


def parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value` pairs as a nested mapping: dots nest, values are JSON where they read as JSON, else text."""
    found: dict[str, Any] = {}
    for name, value in _split(pairs, "-p"):
        _put(found, name.split("."), read(value), name)
    return found


def tags(pairs: Sequence[str]) -> dict[str, str]:
    """`k=v` pairs as notes to keep with a job. Raises BadOrder."""
    found: dict[str, str] = {}
    for name, value in _split(pairs, "--tag"):
        if name in found:
            raise BadOrder(f"--tag {name}: given twice")
        found[name] = value
    return found


def sound(value: Any) -> None:
    """Raises BadOrder for what no row can keep: a text with a NUL or half a surrogate pair, a number that is none."""
    if isinstance(value, Mapping):
        sound([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            sound(each)
    elif isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise BadOrder("a text of the order holds a NUL, or a character that is no Unicode; leave it out")
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadOrder("a number of the order is infinite, or none; JSON has no such")


def in_words(sentence: str, names: Mapping[str, str]) -> str:
    """A refusal in the words of who orders elsewhere than at the command: each option by its name there."""
    return _OPTION.sub(lambda found: names.get(found[0], found[0]), sentence)


def _split(pairs: Sequence[str], option: str) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadOrder(f"{option} {pair}: write key=value")
        yield name, value


def _put(into: dict[str, Any], path: list[str], value: object, name: str) -> None:
    for part in path[:-1]:
        into = into.setdefault(part, {})
        if not isinstance(into, dict):
            raise BadOrder(f"-p {name}: {part} is given as a value and as a group")
    if path[-1] in into:
        raise BadOrder(f"-p {name}: given twice")
    into[path[-1]] = value


def read(text: str) -> object:
    """What a parameter's text means: JSON where it is JSON, else itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


async def kept(order: Order, storage: Storage) -> dict[str, Any]:
    """The order as JSON with its pictures in storage, named by hash: enough to send it again after a crash."""
    pictures = []
    for image in order.images:
        if image.data is None:
            pictures.append({"url": image.url})
        else:
            stored = await storage.put(image.data)
            pictures.append({"sha256": stored.sha256, "media_type": image.media_type, "name": image.name})
    names = ("prompt", "seed", "aspect_ratio", "output_format", "count", "safety", "upsample", "model", "upload")
    return {**{name: getattr(order, name) for name in names}, "images": pictures, "extra": dict(order.extra)}


async def restored(order: Mapping[str, Any], storage: Storage) -> Order:
    """The order that `kept` wrote. Raises Permanent when a picture is gone from storage."""
    pictures = []
    for image in order["images"]:
        data = await storage.get(image["sha256"]) if "sha256" in image else None
        pictures.append(InputImage(image.get("url"), data, image.get("media_type"), image.get("name")))
    return Order(**{**order, "images": tuple(pictures)})


def digest(order: Mapping[str, Any]) -> str:
    """What tells two orders apart, in hex. The name of a picture's file does not."""
    pictures = [{**picture, "name": None} for picture in order.get("images", ())]
    return hashlib.sha256(json.dumps({**order, "images": pictures}, sort_keys=True).encode()).hexdigest()


def light(params: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's parameters for the ledger and for people: pictures named by their hash, secrets left out."""
    return {name: _light(value) for name, value in params.items()}


def _light(value: Any) -> Any:
    if isinstance(value, Mapping):
        return light(value)
    if isinstance(value, list | tuple):
        return [_light(item) for item in value]
    if isinstance(value, str) and (value.startswith("data:") or len(value) > LONGEST_TEXT or _is_base64(value)):
        return f"<{len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]}…>"
    return value


def _is_base64(text: str) -> bool:
    """Whether it is a picture in bare base64, however small."""
    try:
        return images.sniff(base64.b64decode(text[: images.HEAD], validate=True)) is not None
    except ValueError:
        return False


LONGEST_TEXT = 20_000
"""No prompt is longer; what is, is a picture in base64."""
