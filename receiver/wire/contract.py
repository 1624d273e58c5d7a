"""What every provider must satisfy: our own tests run it, and so may the author of a plug-in.

    from receiver.wire.contract import Sample, hold
    hold(PROVIDER, [Sample(...), ...])

Each check is a pure function that raises AssertionError with a sentence when the provider breaks a promise. A sample
is one good delivery, with what is trusted and the events that must come of it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from receiver.errors import (
    BadOrder,
    BadSignature,
    Malformed,
    ProviderRefused,
    StaleTimestamp,
    UnknownEndpoint,
    WrongRequest,
)
from receiver.wire import schemes, tokens
from receiver.wire.junk import JUNK, junk_headers, mutations, unfit
from receiver.wire.orders import Asking, Call, Heard, InputImage, Order, Reply
from receiver.wire.provider import Jwks, Provider
from receiver.wire.types import Delivery, Event, Headers, Kind, Trust, Verified

STRANGER = "5e7f0d6c-3a52-4f60-8d8b-5e0c4b5f1d11"
"""The id of a job that is no sample's."""

ORDINARY = frozenset({b"content-type", b"content-length", b"user-agent", b"accept", b"accept-encoding", b"host"})
"""Headers that any HTTP client sends: no scheme signs with them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One good delivery. A callback has `events`; the answer to a question (`asking`) has `events` or `then`."""

    name: str
    delivery: Delivery
    trust: Trust
    now: datetime
    scheme: str
    events: tuple[Event, ...] = ()
    asking: Asking | None = None
    then: Call | None = None


def hold(provider: Provider, samples: Iterable[Sample]) -> None:
    """Every check, over every sample. Raises AssertionError at the first broken promise."""
    for check in FACTS:
        check(provider)
    for sample in samples:
        for each in CHECKS:
            each(provider, sample)


def named(provider: Provider) -> None:
    """The provider's own facts are such that the rest can be built on them."""
    _that(re.fullmatch(r"[a-z][a-z0-9-]{0,30}", provider.name), "its name is a lower-case word: it stands in URLs")
    _that("{key}" in provider.auth[1] and provider.auth[0].islower(), "its auth is a lower-case header and a {key}")
    _that(provider.hosts and all("*" not in host[1:] for host in provider.hosts), "its hosts are names, or *.name")
    jwks = provider.keys.url if isinstance(provider.keys, Jwks) else "https://"
    _that(jwks.startswith("https://") and provider.api.startswith("https://"), "its own addresses are https")


def careful(provider: Provider) -> None:
    """An unknown parameter is refused before money is spent; a junk acknowledgement is refused by name."""
    picture = InputImage(url="https://example.com/a.png")
    orders = [Order(prompt="x", images=images, extra={"no_such_parameter": 1}) for images in ((), (picture,))]
    said = " ".join(str(_raises((BadOrder,), partial(provider.prepare, order), "bad order")) for order in orders)
    _that("no_such_parameter" in said, f"an unknown parameter is refused by its name, not with: {said}")
    for status in (200, 204, 302, 400, 401, 429, 500, 502):
        for body in JUNK:
            reply = Reply(status, body)
            _raises((ProviderRefused, Malformed), partial(provider.acknowledged, reply, STRANGER), f"{status}")


def believed(provider: Provider, sample: Sample) -> None:
    """The sample verifies by its scheme and gives its events, and the same ones again."""
    try:
        verified = _verify(provider, sample)
    except BadSignature as error:
        raise AssertionError(f"{sample.name} is refused: {error}") from error
    _that(verified.scheme == sample.scheme, f"{sample.name} is believed by {verified.scheme}, not {sample.scheme}")
    for _ in range(2):
        heard = _read(provider, sample, verified)
        _that(heard.events == sample.events, f"{sample.name} gives {heard.events}, not {sample.events}")
        _that(heard.then == sample.then, f"{sample.name} leads to {heard.then}, not {sample.then}")


def signed_headers(provider: Provider, sample: Sample) -> None:
    """Each header that is not ordinary HTTP, dropped, doubled or junked, shuts the door."""
    for index, (name, value) in enumerate(sample.delivery.headers):
        if not _signed(sample) or name in ORDINARY:
            continue
        raw = sample.delivery.headers.raw
        dropped, doubled = raw[:index] + raw[index + 1 :], (*raw, (name, value))
        _shut(provider, sample, headers=Headers(dropped), hint=provider.confirm, why=f"without {name!r}")
        _shut(provider, sample, headers=Headers(doubled), why=f"with {name!r} twice")
        for junk in junk_headers(value):
            headers = Headers((*raw[:index], (name, junk), *raw[index + 1 :]))
            _shut(provider, sample, headers=headers, why=f"with {name!r} junked to {junk[:40]!r}")


def signed_body(provider: Provider, sample: Sample) -> None:
    """Each byte of a signed body, changed, shuts the door; so does a byte more or less."""
    body = sample.delivery.body
    if _signed(sample):
        for index, byte in enumerate(body):
            flipped = body[:index] + bytes([byte ^ 1]) + body[index + 1 :]
            _shut(provider, sample, body=flipped, why=f"with byte {index} changed")
        for other in (b"", body[:-1], body + b"\n", b" " + body):
            _shut(provider, sample, body=other, why="with a body longer or shorter")


def keys_needed(provider: Provider, sample: Sample) -> None:
    """Without a key, or with keys of others only, a signed delivery is not believed."""
    if _signed(sample):
        others = tuple(replace(key, material=hashlib.sha256(key.material).digest()) for key in sample.trust.keys)
        for keys in ((), others):
            _shut(provider, replace(sample, trust=replace(sample.trust, keys=keys)), why="without its key")


def timely(provider: Provider, sample: Sample) -> None:
    """A signed time is held to the tolerance, both ways, to the second."""
    signed_at = _verify(provider, sample).signed_at
    if signed_at is None:
        return
    for way in (-1, 1):
        edge = signed_at + way * sample.trust.tolerance
        _verify(provider, replace(sample, now=edge))
        late = replace(sample, now=edge + way * timedelta(seconds=1))
        _raises((StaleTimestamp,), partial(_verify, provider, late), "a stale or future timestamp")


def anothers(provider: Provider, sample: Sample) -> None:
    """Another job's URL does not change what a delivery says; a token opens no door but its own."""
    verified = _verify(provider, sample)
    stranger = replace(verified, delivery=replace(verified.delivery, job_id=STRANGER))
    heard = _tame(partial(_read, provider, sample, stranger), f"{sample.name} under another job's URL")
    _that(heard is None or heard.events == sample.events, f"{sample.name} becomes whatever its URL says")
    keys, token = [b"k" * 32], tokens.mint([b"k" * 32], "hook", provider.name, STRANGER)
    for purpose, name in (("upload", provider.name), ("hook", f"{provider.name}x")):
        _raises((UnknownEndpoint,), partial(tokens.check, keys, purpose, name, token), "another's token")


def junk(provider: Provider, sample: Sample) -> None:
    """A body of junk, even a believed one, is Malformed or of a wrong request; an answer of junk may tell nothing."""
    verified = _verify(provider, sample)
    for body in JUNK:
        heard = _tame(partial(_read, provider, sample, _with_body(verified, body)), f"junk {body[:40]!r}")
        nothing = heard is None or (sample.asking is not None and heard == Heard())
        _that(nothing, f"junk {body[:40]!r} is read as {heard}")


def wrong_types(provider: Provider, sample: Sample) -> None:
    """A wrong type, a strange value or nothing at any key of the body gives no other exception, and no unfit text."""
    verified = _verify(provider, sample)
    for body in mutations(sample.delivery.body):
        _tame(partial(_read, provider, sample, _with_body(verified, body)), f"{body[:200]!r}")


FACTS: tuple[Callable[[Provider], None], ...] = (named, careful)
CHECKS: tuple[Callable[[Provider, Sample], None], ...] = (
    believed,
    signed_headers,
    signed_body,
    keys_needed,
    timely,
    anothers,
    junk,
    wrong_types,
)


def _verify(provider: Provider, sample: Sample) -> Verified:
    if sample.delivery.kind is Kind.ANSWER:
        return schemes.asked(sample.delivery)
    return provider.verify(sample.delivery, sample.trust, sample.now)


def _read(provider: Provider, sample: Sample, verified: Verified) -> Heard:
    if sample.asking is not None:
        return provider.hear(verified, sample.asking)
    return Heard(events=provider.parse(verified))


def _signed(sample: Sample) -> bool:
    return sample.scheme not in {"capability", "asked"}


def _with_body(verified: Verified, body: bytes) -> Verified:
    # As if the provider had signed the junk: what follows a signature must not lean on it.
    return replace(verified, delivery=replace(verified.delivery, body=body))


def _shut(
    provider: Provider,
    sample: Sample,
    *,
    why: str,
    headers: Headers | None = None,
    body: bytes | None = None,
    hint: bool = False,
) -> None:
    """The changed delivery is refused; with `hint`, it may also be taken for unsigned, to be asked about."""
    was = sample.delivery
    changed = replace(was, headers=headers or was.headers, body=was.body if body is None else body)
    try:
        verified = provider.verify(changed, sample.trust, sample.now)
    except BadSignature:
        return
    except Exception as error:
        raise AssertionError(f"{sample.name} {why} is {error!r}, not a BadSignature") from error
    _that(hint and not verified.covers_body, f"{sample.name} {why} is believed")


def _tame(read: Callable[[], Heard], what: str) -> Heard | None:
    """What was read, None when it was refused as it should be. Raises AssertionError for any other exception."""
    try:
        heard = read()
    except (Malformed, WrongRequest):
        return None
    except Exception as error:
        raise AssertionError(f"{what} is {error!r}, not Malformed or WrongRequest") from error
    bad = list(unfit([asdict(event) for event in heard.events]))
    _that(not bad, f"{what} gives texts that no database takes: {bad!r}")
    return heard


def _raises(kinds: tuple[type[Exception], ...], call: Callable[[], object], what: str) -> Exception:
    try:
        result = call()
    except kinds as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what} is {error!r}, not one of {[kind.__name__ for kind in kinds]}") from error
    raise AssertionError(f"{what} is let through: {result!r}")


def _that(truth: object, sentence: str) -> None:
    if not truth:
        raise AssertionError(sentence)
