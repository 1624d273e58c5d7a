"""Why a delivery was believed or not: scheme, signed bytes, key, and what the clock said. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from receiver.ledger.verdict_reading import KeySeen
from receiver.ledger.views import DeliveryView
from receiver.pages.mends import claimed
from receiver.pages.signs import believed
from receiver.pages.words import many, plain, size, span

SCHEMES = {"fal": "fal-ed25519", "fireworks": "hmac-sha256", "runware": "capability"}
"""What a provider's callbacks are held against; a refused one says nothing of it."""
FAL_LINES = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp")
NONE_SIGNED = "Nothing is signed: that the sender knew the token in the URL is all there is."
SIGNED = {
    "fal-ed25519": "Ed25519 over four lines: request id, user id, timestamp, and the body's SHA-256.",
    "hmac-sha256": "HMAC-SHA256 over the body as it came, {body}.",
    "capability": NONE_SIGNED,
    "asked": "Nothing needs a signature: it is the answer to a question of ours, and TLS vouches for who said it.",
}
KEYS = {
    "unknown_key": "None that we hold made this signature.",
    "bad_signature": "None was taken for it: the reason above says what is wrong with the signature.",
    "missing_header": "None was tried: what it would be tried on is not all there.",
    "stale_timestamp": "One that we hold made this signature: it is looked at before the clock, which refused it.",
}
"""Of a delivery that was refused before its key was written down, by verdict."""


@dataclass(frozen=True, slots=True)
class Why:
    """Sentences, each by its subject; `message` are the signed bytes where they can be put together again."""

    scheme: str
    said: tuple[tuple[str, str], ...]
    message: str = ""


def why(delivery: DeliveryView, key: KeySeen | None, tolerance: timedelta) -> Why:
    """All that can be told from what was written down. `key` is None where none verified it."""
    scheme = _scheme(delivery)
    said = [("signed", SIGNED.get(scheme, "By a scheme that this page has no words for.").format(body=_body(delivery)))]
    if scheme not in {"capability", "asked"}:
        said += [("key", _key(delivery, key)), ("clock", _clock(delivery, scheme, tolerance))]
    if delivery.job_id:
        said.append(("address", _address(delivery)))
    return Why(scheme, tuple(said), _message(delivery) if scheme == "fal-ed25519" else "")


def _scheme(delivery: DeliveryView) -> str:
    """As it was verified by; else by what its kind and its provider are held against."""
    if delivery.scheme:
        return delivery.scheme
    by_kind = {"upload": "capability", "answer": "asked"}
    return by_kind.get(delivery.kind) or SCHEMES.get(delivery.provider, "unknown")


def _body(delivery: DeliveryView) -> str:
    return f"{size(delivery.body_bytes)} whose SHA-256 is {delivery.body_sha256}"


def _key(delivery: DeliveryView, key: KeySeen | None) -> str:
    if delivery.key_id is None:
        return KEYS.get(delivery.verdict, "It is not written down.")
    if key is None or key.public is None:
        return f"{plain(delivery.key_id)}: a secret that was handed out with this job alone; only its hash is kept."
    return f"{plain(key.key_id)} from {plain(key.source)}{_seen(delivery, key)}; {key.kind} {key.public}"


def _seen(delivery: DeliveryView, key: KeySeen) -> str:
    if key.seen_at is None:
        return ""
    before = delivery.received_at - key.seen_at
    return f", fetched {span(before)} before" if before >= timedelta(seconds=1) else ", fetched for it"


def _clock(delivery: DeliveryView, scheme: str, tolerance: timedelta) -> str:
    at = claimed(delivery)
    if scheme == "hmac-sha256":
        return "This scheme signs no time: a repeat is told by its event's id, and changes nothing."
    if at is None:
        return "It does not say when it was signed."
    apart = delivery.received_at - at
    side = "before" if apart >= timedelta(0) else "after"
    says, limit = "Signed" if believed(delivery) else "It says that it was signed", f"{tolerance.total_seconds():.0f} s"
    if abs(apart) <= tolerance:
        return f"{says} {span(abs(apart))} {side} it came: within the {limit} that are allowed."
    first = ", and was in time when it came first" if believed(delivery) else ""
    return f"{says} {span(abs(apart))} {side} it came: beyond the {limit} that are allowed{first}."


def _address(delivery: DeliveryView) -> str:
    if delivery.kind == "answer":
        return "We asked about this job, by the id that the provider gave it."
    again = f" It came {many(delivery.repeats, 'time')} more." if delivery.repeats else ""
    return f"The token in its URL is of this job, this provider and this use, and no other.{again}"


def _message(delivery: DeliveryView) -> str:
    """The four lines, as schemes.fal_ed25519 has them; empty where a header is not there once."""
    found = [[value for name, value in delivery.headers if name == line] for line in FAL_LINES]
    if any(len(values) != 1 for values in found):
        return ""
    return "\n".join((*(values[0] for values in found), delivery.body_sha256))
