"""What may be asked for in an address: the parameters of each route as a model, read strictly.

A parameter that is not known, stands there twice, or does not fit is refused with its name: a filter that is quietly
left out would answer another question.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from starlette.requests import Request

from receiver.api.models import Status
from receiver.errors import Malformed

MOST_WAITED = 60.0
"""Seconds of the longest `wait`."""
MOST_AT_ONCE = 200
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def _instant(value: object) -> datetime:
    """RFC 3339 §5.6, which asks for a zone."""
    try:
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("write a time with its zone, such as 2026-01-31T12:00:00Z")


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Word = Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Cursor = Annotated[str, Field(min_length=1, max_length=200, description="`next` of the page before")]


class Asked(BaseModel):
    """No parameter but those written here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NothingAsked(Asked):
    """A route that takes no parameter."""


class JobsAsked(Asked):
    """Which jobs; what is not given is any."""

    provider: Word | None = None
    status: Status | None = None
    tag: Text | None = Field(None, description="`name`, or `name=value`")
    verdict: Word | None = Field(None, description="with a delivery of that verdict; `refused` is every refusal")
    since: Instant | None = Field(None, description="opened then or later")
    until: Instant | None = Field(None, description="opened before")
    text: Text | None = Field(None, description="stands in the prompt; or an id, or request id, begins with it")
    cursor: Cursor | None = None
    limit: int = Field(48, ge=1, le=MOST_AT_ONCE)


class DeliveriesAsked(Asked):
    """Which deliveries; what is not given is any."""

    provider: Word | None = None
    verdict: Word | None = Field(None, description="`refused` is every refusal")
    job_id: Text | None = None
    cursor: Cursor | None = None
    limit: int = Field(50, ge=1, le=MOST_AT_ONCE)


class JobAsked(Asked):
    """How long to wait for a job's end."""

    wait: float | None = Field(
        None, ge=0, le=86400, allow_inf_nan=False, description=f"seconds; {MOST_WAITED:.0f} at most are waited"
    )


T = TypeVar("T", bound=Asked)


def asked(request: Request, model: type[T]) -> T:
    """The parameters of the request's address. Raises Malformed, naming the one that does not fit."""
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=50, errors="strict"
        )
    except (ValueError, UnicodeError):
        raise Malformed("the parameters of the address cannot be read as UTF-8") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Malformed("a parameter stands there twice; each is taken once")
    if any("\0" in value for value in given.values()):
        raise Malformed("a parameter holds a NUL, which no text of ours does")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Malformed(_says(first["type"], str(first["loc"][0])[:64], first["msg"], model)) from None


def _says(kind: str, name: str, message: str, model: type[Asked]) -> str:
    if kind == "extra_forbidden":
        known = ", ".join(model.model_fields) or "none"
        return f"there is no parameter {name!r} here; there are: {known}"
    return f"{name}: {message.removeprefix('Value error, ')}"
