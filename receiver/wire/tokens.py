"""Callback URLs, per-job secrets and sign-in tickets: pure arithmetic over our own keys, so nothing is stored.

`keys` are ours, oldest to newest: the last one signs, every one is believed, so rotation is no feature. A MAC is
HMAC-SHA256 over length-prefixed parts, the first of which names the use: no token of one use opens another's door.
"""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from receiver.errors import Misconfigured, UnknownEndpoint

_MAC = r"([A-Za-z0-9_-]{43})"
_JOB_ID = r"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
_TOKEN = re.compile(rf"{_JOB_ID}(?:\.(0|[1-9][0-9]{{0,3}}))?\.{_MAC}", re.ASCII)
_TICKET = re.compile(rf"([A-Za-z0-9_-]*)\.([0-9]{{1,12}})\.{_MAC}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a good token says: the job, and for an upload the place in it."""

    job_id: str
    place: int | None = None


def mint(keys: Sequence[bytes], purpose: str, provider: str, job_id: str, place: int | None = None) -> str:
    """`<job id>.<mac>`, or `<job id>.<place>.<mac>` for an upload. Raises Misconfigured without a key."""
    where = "" if place is None else str(place)
    mac = _mac(_newest(keys), _lead("token", purpose, provider), job_id, where)
    return f"{job_id}.{where}.{mac}" if where else f"{job_id}.{mac}"


def check(keys: Sequence[bytes], purpose: str, provider: str, token: str) -> Claim:
    """What the token claims. Raises UnknownEndpoint for everything wrong, always with the same words."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise UnknownEndpoint("no such endpoint")
    job_id, where, mac = match[1], match[2] or "", match[3]
    if not _believed(keys, mac, _lead("token", purpose, provider), job_id, where):
        raise UnknownEndpoint("no such endpoint")
    return Claim(job_id, int(where) if where else None)


def secret(keys: Sequence[bytes], provider: str, job_id: str) -> str:
    """The signing secret that is handed out with a job: 64 hex digits. Raises Misconfigured without a key."""
    return _digest(_newest(keys), _lead("secret", provider), job_id).hex()


def secrets(keys: Sequence[bytes], provider: str, job_id: str) -> tuple[str, ...]:
    """Every secret the job may have been given, oldest to newest: what a signature is checked against."""
    lead = _lead("secret", provider)
    return tuple([_digest(key, lead, job_id).hex() for key in keys if key])


def family(job_id: str, place: int) -> str:
    """The task id of one result of a job (Runware: one task per result). UUID v4 in form (RFC 9562 §5.4).

    Place 0 is the job's own id; the others follow from it, so none needs to be stored.
    """
    if place == 0:
        return job_id
    digest = hashlib.sha256(f"{job_id}:{place}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def ticket(keys: Sequence[bytes], purpose: str, subject: str, expires_at: datetime) -> str:
    """A signed, short-lived word for a sign-in link or a cookie: `<subject>.<expiry>.<mac>`, the subject base64url."""
    body, expiry = _encode(subject.encode("utf-8", "surrogatepass")), str(int(expires_at.timestamp()))
    return f"{body}.{expiry}.{_mac(_newest(keys), _lead('ticket', purpose), body, expiry)}"


def check_ticket(keys: Sequence[bytes], purpose: str, ticket: str, now: datetime) -> str:
    """The ticket's subject. Raises UnknownEndpoint when it is not ours, not for this purpose, or over."""
    match = _TICKET.fullmatch(ticket)
    if match is None:
        raise UnknownEndpoint("no such ticket")
    body, expiry, mac = match[1], match[2], match[3]
    if not _believed(keys, mac, _lead("ticket", purpose), body, expiry) or now.timestamp() >= int(expiry):
        raise UnknownEndpoint("no such ticket")
    padded = body + "=" * (-len(body) % 4)
    return base64.urlsafe_b64decode(padded).decode("utf-8", "surrogatepass")


def _newest(keys: Sequence[bytes]) -> bytes:
    if not keys or not keys[-1]:
        raise Misconfigured("PROOFHOOK_SECRET holds no key: make one with `proofhook keys new`")
    return keys[-1]


def _believed(keys: Sequence[bytes], mac: str, lead: bytes, *parts: str) -> bool:
    """Whether any of our keys made the MAC; all are tried, so that time does not tell which."""
    given = mac.encode()
    return any([hmac.compare_digest(given, _mac(key, lead, *parts).encode()) for key in keys if key])  # noqa: C419  see above


def _mac(key: bytes, lead: bytes, *parts: str) -> str:
    return _encode(_digest(key, lead, *parts))


@lru_cache(maxsize=256)
def _lead(*parts: str) -> bytes:
    """How a message of one use begins: the same for every job, so made once."""
    return b"proofhook 1\0" + b"".join(map(_framed, parts))


def _framed(part: str) -> bytes:
    data = part.encode("utf-8", "surrogatepass")  # a junk URL must not be a UnicodeEncodeError
    return len(data).to_bytes(8, "big") + data


def _digest(key: bytes, lead: bytes, *parts: str) -> bytes:
    return hmac.digest(key, lead + b"".join(map(_framed, parts)), "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
