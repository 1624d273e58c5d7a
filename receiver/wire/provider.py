"""A provider as one value: where its keys come from, when to ask it, and the functions that speak its wire."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.wire.orders import Acknowledged, Asking, Call, Endpoints, Heard, Order, Prepared, Reply
from receiver.wire.types import Delivery, Event, Trust, Verified


@dataclass(frozen=True, slots=True)
class Pace:
    """When to ask: first after `first`, then each wait `grow` times the last, at most `most`."""

    first: timedelta
    grow: float = 1.5
    most: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Jwks:
    """Verification keys come from the provider's JSON Web Key Set (RFC 7517) at `url`, or the setting's."""

    setting: str
    url: str


@dataclass(frozen=True, slots=True)
class Derived:
    """The verification key is the per-job secret that we derived and handed out with the job."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Nothing is signed on this wire: the capability token in the URL is all there is."""


KeySource = Jwks | Derived | Unsigned


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's wire as a value: facts and functions, no inheritance.

    prepare(order) -> Prepared                        raises BadOrder, before any money is spent
    compose(job_id, prepared, endpoints, base) -> Call
    acknowledged(reply, job_id) -> Acknowledged       raises ProviderRefused, or Malformed for junk
    verify(delivery, trust, now) -> Verified          raises BadSignature and its kin only
    parse(verified) -> events of a callback           raises Malformed, WrongRequest only
    ask(asking) -> Call | None                        None where there is nothing to ask by (no request id)
    hear(verified, asking) -> Heard                   events of an answer; raises Malformed, WrongRequest only
    cancel(asking) -> Call | None                     asks the provider to stop; None where it documents no way to

    `api` is the base URL, `{name}_URL` style settings override it; `auth` a header and a template with {key};
    `hosts` where its results may be fetched from (`*.` = any subdomain); `lifetime` how long result URLs live
    (None = unknown); `options` the settings that reach `Trust.options`; `calls_back` whether it has webhooks;
    `uploads` whether it can PUT results to us; `confirm` whether a callback whose body nobody signed is only a
    hint, to be asked about before it is believed.
    """

    name: str
    title: str
    api: str
    url_setting: str
    key_setting: str
    auth: tuple[str, str]
    hosts: tuple[str, ...]
    lifetime: timedelta | None
    keys: KeySource
    options: tuple[str, ...]
    calls_back: bool
    uploads: bool
    confirm: bool
    pace: Pace
    prepare: Callable[[Order], Prepared]
    compose: Callable[[str, Prepared, Endpoints, str], Call]
    acknowledged: Callable[[Reply, str], Acknowledged]
    verify: Callable[[Delivery, Trust, datetime], Verified]
    parse: Callable[[Verified], tuple[Event, ...]]
    ask: Callable[[Asking], Call | None]
    hear: Callable[[Verified, Asking], Heard]
    cancel: Callable[[Asking], Call | None] | None = None
