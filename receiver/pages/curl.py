"""The command that would send a stored delivery to a receiver again; the URL's token is left to the reader. Pure.

It is for a POSIX shell with `$'…'` (bash, zsh, ksh): whatever the bytes are, they come out of it as they came in.
"""

import base64
import re
import shlex
from collections.abc import Iterable

from receiver.ledger.views import DeliveryView
from receiver.pages.words import private

MOST_BODY = 8 * 1024
"""Bytes of a body that stand in the command; a larger one is read from a file."""
TOKEN = "TOKEN"  # noqa: S105  where it goes, not one
_ASCII = re.compile(rb"[ -~]*")
_OF_THE_WAY = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "accept", "accept-encoding", "expect", "keep-alive",
    "upgrade", "te", "trailer", "via", "forwarded",
})  # fmt: skip
"""What belongs to one connection or to a proxy, and curl says for itself."""


def curl(delivery: DeliveryView, public: str, body: bytes | None) -> str:
    """The command; empty for an answer, which nobody sent. `body` is None where it is not held."""
    if delivery.kind == "answer" or delivery.job_id is None:
        return ""
    upload = delivery.kind == "upload"
    place, door = (".PLACE", "uploads") if upload else ("", "hooks")
    url = f"{public}/{door}/{delivery.provider}/{delivery.job_id}{place}.{TOKEN}"
    first, data = _data(body)
    parts = [f"{first}curl -X {'PUT' if upload else 'POST'} {quoted(url.encode())}", *_headers(delivery.headers), data]
    return " \\\n  ".join(parts)


def quoted(data: bytes) -> str:
    """One word of the shell that is these bytes; a NUL cannot be in one."""
    if _ASCII.fullmatch(data):
        return shlex.quote(data.decode())
    return "$'" + "".join(_escaped(byte) for byte in data) + "'"


def _escaped(byte: int) -> str:
    letter = chr(byte)
    if letter in "\\'":
        return f"\\{letter}"
    return {"\n": "\\n", "\t": "\\t"}.get(letter) or (letter if " " <= letter <= "~" else f"\\x{byte:02x}")


def _headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    lines = []
    for name, value in headers:
        if name in _OF_THE_WAY or name.startswith((":", "x-forwarded-")):
            continue
        given = "(not shown)" if private(name) else value
        lines.append(f"-H {quoted(f'{name}: {given}'.encode('latin-1', 'replace'))}")
    return lines


def _data(body: bytes | None) -> tuple[str, str]:
    """What stands before `curl`, and its option."""
    if body is None or len(body) > MOST_BODY:
        return "", "--data-binary @body.bin"
    if b"\0" not in body and _is_text(body):
        return "", f"--data-raw {quoted(body)}"
    return f"echo {base64.b64encode(body).decode()} | base64 -d | ", "--data-binary @-"


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
