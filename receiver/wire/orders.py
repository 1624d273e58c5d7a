"""Values of the way out: what is ordered, how it is sent, what the provider answers. Pure, as all of `wire`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from receiver.wire.types import Event, Headers


@dataclass(frozen=True, slots=True)
class InputImage:
    """An input picture: a URL, or bytes with their media type."""

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for, in words that mean the same on every provider; None = the provider's default.

    `extra` holds parameters of that provider's own page (`-p key=value`; dotted keys already nested).
    """

    prompt: str | None = None
    images: tuple[InputImage, ...] = ()
    seed: int | None = None
    aspect_ratio: str | None = None
    output_format: str | None = None
    count: int = 1
    safety: int | None = None
    upsample: bool | None = None
    model: str | None = None
    upload: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order that has passed the provider's own rules: its model, its parameters in its words, results to expect."""

    model: str
    params: Mapping[str, Any]
    expected: int = 1
    upload: bool = False


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs we hand out for one job, and its signing secret (derived, never stored)."""

    hook: str = field(repr=False)
    uploads: tuple[str, ...] = field(default=(), repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request to a provider, without its authorization, which the submitter alone adds."""

    method: str
    url: str = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's answer to a call of ours."""

    status: int
    body: bytes = field(repr=False)
    headers: Headers = field(default=Headers(), repr=False)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The provider took the job: its request id, and the URLs it told us to use for questions."""

    request_id: str
    links: Mapping[str, str] = field(default_factory=dict)
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known of a job when its provider is asked about it. `base` is the API's base URL."""

    job_id: str
    base: str
    model: str
    request_id: str | None
    links: Mapping[str, str]
    expected: int
    upload: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer says: events, or one more call to make before anything is known (never both)."""

    events: tuple[Event, ...] = ()
    then: Call | None = None
