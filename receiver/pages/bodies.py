"""A body for people: pretty where it is JSON, as it came where it is text, hex where it is not. Pure, and capped."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from receiver.pages.words import plain, unseen, without_tokens

MOST_TEXT = 24_000
"""Characters of one body on a page; the page stays light, and the bundle has all of it."""
MOST_HEX = 2_048
PER_LINE = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """`raw` is as received, `pretty` empty where it is no JSON. `cut`: there is more. `marked`: not byte for byte."""

    raw: str
    pretty: str
    is_text: bool
    cut: bool
    marked: bool


def shown(body: bytes, secrets: Iterable[bytes] = ()) -> Shown:
    """Whatever it is. `secrets` are ours, and are not shown should the sender repeat them."""
    safe = without_secrets(body, secrets)
    text = _text(safe)
    if text is None:
        return Shown(hexed(safe[:MOST_HEX]), "", False, len(safe) > MOST_HEX, marked=safe != body)
    pretty = _pretty(text)
    cut = max(len(text), len(pretty)) > MOST_TEXT
    return Shown(text[:MOST_TEXT], pretty[:MOST_TEXT], True, cut, marked=safe != body or plain(text) != text)


def without_secrets(body: bytes, secrets: Iterable[bytes]) -> bytes:
    """The body with capability tokens and these secrets of ours taken out."""
    for secret in secrets:
        body = body.replace(secret, b"(secret)")
    return without_tokens(body)


def hexed(data: bytes) -> str:
    """Lines as `xxd` writes them: offset, bytes, and what of them is ASCII."""
    lines = (data[start : start + PER_LINE] for start in range(0, len(data), PER_LINE))
    return "\n".join(_line(n * PER_LINE, line) for n, line in enumerate(lines))


def _line(start: int, data: bytes) -> str:
    letters = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in data)  # noqa: PLR2004  printable ASCII
    return f"{start:08x}  {data.hex(' ', 2):<39}  {letters}"


def _text(body: bytes) -> str | None:
    """None where it is no text: not UTF-8, or more than a few control characters."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if unseen(text) * 20 <= len(text) else None


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return ""
