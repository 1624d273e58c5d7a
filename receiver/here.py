"""Whether an address leads to this very receiver: a question that only our own secret can ask, and answer.

`GET /healthz?ask=<ticket>`, the ticket's subject a nonce; the answer names what the receiver saw of the request.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from receiver.errors import UnknownEndpoint
from receiver.wire import tokens

LONGEST_QUESTION = 400
"""Bytes of a query; a longer one is none of ours."""
LASTING = timedelta(minutes=10)
"""For which a question is good: as much as the clocks of asker and receiver may differ."""
_ASK, _TOLD = "ask", "told"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the receiver saw: http or https, and who called, as it believes."""

    scheme: str
    peer: str


def question(secrets: Sequence[bytes], nonce: str, now: datetime) -> str:
    """The query to ask with."""
    return urlencode({"ask": tokens.ticket(secrets, _ASK, nonce, now + LASTING)})


def answer(secrets: Sequence[bytes], scope: Mapping[str, Any], now: datetime) -> bytes | None:
    """The body for who asked with a secret of ours; None for everybody else, who learn nothing."""
    query = bytes(scope.get("query_string", b""))
    if not query.startswith(b"ask=") or len(query) > LONGEST_QUESTION:
        return None
    try:
        nonce = tokens.check_ticket(secrets, _ASK, query[4:].decode("latin-1"), now)
    except UnknownEndpoint:
        return None
    peer = scope.get("client")
    seen = json.dumps([nonce, str(scope.get("scheme", "")), peer[0] if peer else ""])
    return json.dumps({"alive": True, "here": tokens.ticket(secrets, _TOLD, seen, now + LASTING)}).encode()


def read(secrets: Sequence[bytes], nonce: str, body: Any, now: datetime) -> Seen | None:
    """What the receiver saw, from its answer as JSON; None where it was not ours that answered, or not this time."""
    told = body.get("here") if isinstance(body, dict) else None
    try:
        said, scheme, peer = json.loads(tokens.check_ticket(secrets, _TOLD, str(told), now))
    except (UnknownEndpoint, ValueError):
        return None
    return Seen(str(scheme), str(peer)) if said == nonce else None
