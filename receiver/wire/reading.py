"""Reading what strangers wrote: junk in, Malformed out, and nothing else ever escapes.

A number with a fraction or an exponent is read as a Decimal, so that a cost or a seed keeps the digits it was
written with. Text holds no control characters and no lone surrogates: neither a database nor a hash takes them.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn

from receiver.errors import Malformed, ProviderRefused
from receiver.wire.orders import Reply
from receiver.wire.types import Failure, ImageRef, Outcome

ID = 200
"""The longest request id, event id or code."""
URL = 4096
"""The longest URL of a result."""
INLINE = 2**30
"""No bound of its own: an image inside a body is bounded with it."""
NOT_OK = 300
"""HTTP statuses from here on are no answer to what was asked (RFC 9110 §15)."""
SERVER_ERROR = 500
INT32 = 2**31 - 1
CEILING = Decimal(10) ** 9
LONGEST_INT = 4096

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_MEDIA = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_OUR_URL = re.compile(r"((?:/|%2F)(?:hooks|uploads)(?:/|%2F)[\w-]+(?:/|%2F))[^\s\"'<>]+", re.IGNORECASE)
_MODERATION = re.compile(r"moderat|nsfw|content.?policy|safety", re.IGNORECASE)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's JSON, not RFC 8259's


_OPENING = frozenset("{[")
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)


def json_value(body: bytes) -> Any:
    """The JSON of a body, its fractions as Decimals.

    Raises Malformed for whatever is not UTF-8 and RFC 8259 JSON, nests too deeply, or holds an endless number.
    """
    try:
        written = body.decode("utf-8")
        if written[:1] in _OPENING:  # as every provider sends it: without blanks around, for which `decode` would look
            value, end = _DECODER.raw_decode(written)
            if end == len(written):
                return value
        return _DECODER.decode(written)
    except (ValueError, ArithmeticError, RecursionError):
        # The parser's own words quote the body; they stay here.
        raise Malformed("the body is not JSON") from None


def json_object(body: bytes) -> dict[str, Any]:
    """As `json_value`, and it must be an object."""
    value = json_value(body)
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    return value


def text(obj: Mapping[str, Any], key: str, most: int = ID) -> str:
    """A text that must be there and say something; at most `most` characters, none of them a control character."""
    value = obj.get(key)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{key} is not there as a text")
    return _fit(value, key, most)


def either(obj: Mapping[str, Any], *keys: str) -> str | None:
    """The first of several keys that says something, as `text`; None where none does. For an id with two names."""
    key = next((each for each in keys if obj.get(each)), None)
    return None if key is None else text(obj, key)


def maybe_text(obj: Mapping[str, Any], key: str, most: int = ID) -> str | None:
    """A text or None (absent, null or empty). A number becomes its exact text: some seeds exceed 64 bits."""
    value = obj.get(key)
    if value is None or value == "":
        return None
    if (written := _written(value)) is None:
        raise Malformed(f"{key} is not a text")
    return _fit(written, key, most)


def maybe_int(obj: Mapping[str, Any], key: str) -> int | None:
    """A whole number from 0 to 2**31-1 (pixels), also as `1024.0` or `"1024"`; None if absent, null or empty."""
    given = obj.get(key)
    if type(given) is int and 0 <= given <= INT32:  # as it should be; the rest is for what is written otherwise
        return given
    value = maybe_decimal(obj, key)
    if value is None:
        return None
    if value != value.to_integral_value() or not 0 <= value <= INT32:
        raise Malformed(f"{key} is not a whole number from 0 to {INT32}")
    return int(value)


def maybe_decimal(obj: Mapping[str, Any], key: str) -> Decimal | None:
    """A number, or a numeric text, below a thousand million; None if absent, null or empty."""
    value = obj.get(key)
    if value is None or value == "":
        return None
    written = (_written(value) or "").strip()
    if not _NUMBER.fullmatch(written) or abs(number := Decimal(written)) >= CEILING:
        raise Malformed(f"{key} is not a number of a sane size")
    return number


def inline(value: str) -> tuple[bytes, str | None] | None:
    """The bytes of a data URI (RFC 2397, base64 only) or of bare base64, with the media type it names.

    None when the text is an http(s) URL: there is something to fetch. Anything else is Malformed.
    """
    if value[:8].lower().startswith(("http://", "https://")):
        return None
    head, comma, rest = value.partition(",") if value[:5].lower() == "data:" else ("", "", value)
    if head and not (comma and head.lower().endswith(";base64")):
        raise Malformed("a data URI is not in base64")
    try:
        data = base64.b64decode("".join(rest.split()), validate=True)
    except (ValueError, binascii.Error):
        raise Malformed("an image is neither a URL nor base64") from None
    if not data:
        raise Malformed("an image has no bytes")
    media = head[5:].split(";")[0].lower()
    return data, media if _MEDIA.fullmatch(media) else None


def event_id(request_id: str, outcome: Outcome, images: Sequence[ImageRef] = ()) -> str:
    """The idempotency key of an event without a delivery id of its own: the same in a callback and in an answer.

    `request id:outcome[:image key,…]`; its SHA-256 stands in where that would be longer than `ID` characters.
    """
    name = ":".join((request_id, outcome.value, *([",".join(image.key for image in images)] if images else [])))
    if len(name) <= ID:
        return name
    return f"{outcome.value}:{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()}"


def _untold() -> str | None:
    return None


def picture(
    key: str, value: str, place: int | None = None, media_type: Callable[[], str | None] = _untold, **more: Any
) -> ImageRef:
    """A result as an image to fetch or to keep, with what `more` is told of it.

    `media_type` is asked where no data URI names its own. Raises Malformed as `inline` does, and for an unfit URL.
    """
    if (found := inline(value)) is not None:
        return ImageRef(key, data=found[0], media_type=found[1] or media_type(), place=place, **more)
    url = _fit(value, "the URL of an image", URL)
    return ImageRef(key, url=url, media_type=media_type(), place=place, **more)


def child(obj: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, empty if absent or null."""
    value = obj.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{key} is not an object")
    return value


def children(obj: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of objects under a key, empty if absent or null; a lone object is a list of one."""
    value = obj.get(key)
    listed = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(each, dict) for each in listed):
        raise Malformed(f"{key} is not a list of objects")
    return listed


def failure(code: object, message: object) -> Failure:
    """A provider's own code and message, whatever it put there: one line each, at most 100 and 1000 characters.

    A callback URL that is echoed loses its token: an error's text is shown, logged and exported.
    """
    said = _OUR_URL.sub(r"\1…", _line(message, 4096))[:1000]
    return Failure(_line(code, 100) or "unknown", said or "the provider gave no reason")


def complaint(obj: Mapping[str, Any], code: str) -> Failure:
    """The error in an object, wherever a provider puts it; `code` where it names none.

    Known: `error` a text or `{code, message | error_message}`; `code`, `message`, `error_message` beside it.
    """
    error = obj.get("error")
    inner = error if isinstance(error, Mapping) else obj
    message = inner.get("message") or inner.get("error_message")
    if inner is obj and isinstance(error, str):
        return failure(obj.get("code") or (error if message else code), message or error)
    return failure(inner.get("code") or code, message)


def refusal(reply: Reply, error: Mapping[str, Any] | None = None) -> ProviderRefused:
    """A no to an order, in the provider's own words where its body (or the `error` found in it) has any."""
    code = f"http_{reply.status}"
    try:
        said = complaint(json_object(reply.body) if error is None else error, code)
    except Malformed:
        said = failure(code, None)
    return ProviderRefused(said.code, said.message)


def blamed(error: Failure) -> Outcome:
    """FAILED, or MODERATED when the error speaks of moderation: the picture was refused, not broken."""
    return Outcome.MODERATED if _MODERATION.search(f"{error.code} {error.message}") else Outcome.FAILED


def _fit(value: str, key: str, most: int) -> str:
    if len(value) > most:
        raise Malformed(f"{key} is longer than {most} characters")
    if not value.isprintable() and _UNFIT.search(value):  # what is printable is fit, and that is quick to tell
        raise Malformed(f"{key} holds control characters")
    return value


def _written(value: object) -> str | None:
    """A text, or a number as it was written; None for anything else, and for integers that Python will not print."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return None if isinstance(value, int) and value.bit_length() > LONGEST_INT else str(value)


def _line(value: object, most: int) -> str:
    return " ".join(_UNFIT.sub(" ", (_written(value) or "")[: 4 * most]).split())[:most]
