"""An order held against a provider's own parameters, before any money is spent.

A provider's file declares its parameters as `Params` classes in its own spelling; their JSON schema is both what
is checked and what the refusing sentence is made of, so that the two cannot drift apart.
"""

import base64
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from receiver.errors import BadOrder
from receiver.wire.orders import InputImage, Order

DEPTH = 12
_RATIO = re.compile(r"([0-9]{1,4}):([0-9]{1,4})")


class Params(BaseModel):
    """Parameters under the provider's own names (an alias where Python would spell them otherwise)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def said(self) -> dict[str, Any]:
        """What was given, nothing else: what was not keeps the provider's default, whatever it is by then."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


P = TypeVar("P", bound=Params)


def check(model: type[P], provider: str, values: Mapping[str, Any], *, ours: Mapping[str, str]) -> P:
    """The values as the provider's parameters. `ours` names what proofhook sets itself, each with the reason.

    Raises BadOrder: one sentence with the parameter's dotted path and what is allowed there.
    """
    for path, key in _keys(values):
        if key in ours:
            raise BadOrder(f"{provider}: {path} is set by proofhook itself ({ours[key]}); leave it out")
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        # A misspelt name first: it is often why another one is missing.
        found = sorted(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
        raise BadOrder(f"{provider}: {_sentence(model, found[0]['type'], found[0]['loc'])}") from None


def merge(named: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The named options (None = not given, at any depth) and the `-p` ones as one mapping.

    Raises BadOrder for a parameter that both give: neither silently wins.
    """
    return _merge(_given(named), extra, "")


def as_data_uri(image: InputImage) -> str:
    """An input image as text: its URL unchanged, or its bytes as a data URI (RFC 2397)."""
    if image.url is not None:
        return image.url
    return f"data:{image.media_type or 'application/octet-stream'};base64,{as_base64(image)}"


def as_base64(image: InputImage) -> str:
    """An input image as text: its URL unchanged, or its bytes as bare base64."""
    if image.url is not None:
        return image.url
    if not image.data:
        raise BadOrder(f"--image {image.name or ''} is empty: give a URL or a file with bytes in it")
    return base64.b64encode(image.data).decode("ascii")


def images(order: Order, provider: str, *, least: int, most: int) -> tuple[InputImage, ...]:
    """The order's input images. Raises BadOrder when there are fewer or more than the provider takes."""
    if least <= len(order.images) <= most:
        return order.images
    takes = f"{most}" if least == most else f"at most {most}" if least == 0 else f"{least} to {most}"
    plural = "image" if most == 1 else "images"
    raise BadOrder(f"{provider} takes {takes} input {plural} (--image), not {len(order.images)}")


def refuse(provider: str, option: str, why: str) -> NoReturn:
    """`refuse("vtrix", "--n", "makes one image per job")`. Raises BadOrder: what a provider cannot do is said."""
    raise BadOrder(f"{provider} {why}; leave out {option}")


def ratio(text: str) -> tuple[int, int]:
    """`"16:9"` as (16, 9). Raises BadOrder for what is no ratio, or lies outside 21:9 … 9:21 (Kontext's bounds)."""
    match = _RATIO.fullmatch(text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (width and height and 9 * width <= 21 * height and 9 * height <= 21 * width):
        raise BadOrder(f"the aspect ratio must be W:H between 21:9 and 9:21, not {text[:20]!r}")
    return width, height


def _ratio(text: str) -> str:
    ratio(text)
    return text


Prompt = Annotated[str, Field(min_length=1, max_length=10_000, description="--prompt")]
Ratio = Annotated[str, Field(max_length=9, description="--aspect-ratio"), AfterValidator(_ratio)]
Image = Annotated[str, Field(min_length=1, max_length=28_000_000, description="--image")]
"""A URL, or base64 of at most 20 MB."""
Seed = Annotated[int, Field(ge=-(2**64), le=2**64, description="--seed")]
"""Where a page sets no bounds: a seed that was drawn once may exceed 63 bits, and can be asked for again."""


def _keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    if prefix.count(".") > DEPTH:
        raise BadOrder(f"the parameter {prefix[:80]}… is nested deeper than any provider's")
    for key, value in values.items():
        yield f"{prefix}{key}", key
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, Mapping):
                yield from _keys(inner, f"{prefix}{key}.")


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    pruned = {key: _given(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in pruned.items() if value is not None and value != {}}


def _merge(named: Mapping[str, Any], extra: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    merged = dict(named)
    for key, value in extra.items():
        held = merged.get(key)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(held, value, f"{prefix}{key}.")
        elif key in merged:
            raise BadOrder(f"{prefix}{key} is given twice: by its own option and by -p; leave one out")
        else:
            merged[key] = value
    return merged


def _sentence(model: type[Params], kind: str, loc: tuple[int | str, ...]) -> str:
    """What is wrong and what is allowed, read off the model's JSON schema; a field's description is its option."""
    path, schema = ".".join(str(part) for part in loc), model.model_json_schema()
    if kind == "extra_forbidden":
        known = list(_walk(schema, loc[:-1]).get("properties", {}))
        close = difflib.get_close_matches(str(loc[-1]), known, n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        return f"there is no parameter {path}{meant}; known are {', '.join(sorted(known))}"
    part = _walk(schema, loc)
    option = f" ({part['description']})" if str(part.get("description")).startswith("--") else ""
    return f"{path}{option} {'is missing; it ' if kind == 'missing' else ''}must be {_allowed(part)}"


def _walk(schema: dict[str, Any], loc: tuple[int | str, ...]) -> dict[str, Any]:
    """The part of a JSON schema that speaks of `loc`; nullable and `$ref` are seen through."""
    at = schema
    for part in (None, *loc):
        if part is not None:
            at = at.get("items", {}) if isinstance(part, int) else at.get("properties", {}).get(part, {})
        at = {**at, **next((each for each in at.get("anyOf", []) if each.get("type") != "null"), {})}
        at = {**schema["$defs"][at["$ref"].rpartition("/")[2]], **at} if "$ref" in at else at
    return at


def _allowed(part: dict[str, Any]) -> str:
    if choices := part.get("enum") or ([part["const"]] if "const" in part else []):
        return " or ".join(str(each) for each in choices)
    kind = str(part.get("type"))
    names = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list"}
    named = {**names, "object": "a group of parameters"}.get(kind, "a text")
    for least, most, of in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
    ):
        if most in part:
            return f"{named} {'from' if not of else 'of'} {part.get(least, 0)} to {part[most]}{of}"
        if least in part:
            return f"{named} of at least {part[least]}{of}"
    return named
