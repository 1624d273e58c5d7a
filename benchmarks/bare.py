"""The ceiling: ASGI apps that read the body, verify as ours does (or do not), and answer. Nothing is stored."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cryptography.exceptions import InvalidSignature

from benchmarks.signing import FAL_PUBLIC, PLAIN_SECRET

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Scope = MutableMapping[str, Any]
ANSWER = b'{"duplicate": false}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"20")]


async def plain(_scope: Scope, receive: Receive, send: Send) -> None:
    await _read(receive)
    await _answer(send, 200)


async def ed25519(scope: Scope, receive: Receive, send: Send) -> None:
    good = ed25519_good(dict(scope["headers"]), await _read(receive))
    await _answer(send, 200 if good else 401)


async def hmac_sha256(scope: Scope, receive: Receive, send: Send) -> None:
    good = hmac_good(dict(scope["headers"]), await _read(receive))
    await _answer(send, 200 if good else 401)


def ed25519_good(head: dict[bytes, bytes], body: bytes) -> bool:
    """The four lines of fal, as its page has them."""
    digest = hashlib.sha256(body).hexdigest().encode()
    names = (b"x-fal-webhook-request-id", b"x-fal-webhook-user-id", b"x-fal-webhook-timestamp")
    message = b"\n".join((*(head[name] for name in names), digest))
    try:
        FAL_PUBLIC.verify(bytes.fromhex(head[b"x-fal-webhook-signature"].decode()), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def hmac_good(head: dict[bytes, bytes], body: bytes) -> bool:
    expected = hmac.digest(PLAIN_SECRET, body, "sha256").hex().encode()
    return hmac.compare_digest(head[b"x-bfl-signature"], b"sha256=" + expected)


async def _read(receive: Receive) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
