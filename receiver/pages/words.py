"""Values as people read them. Pure: the time is an argument, and whatever a stranger wrote comes out as plain text."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and line feed
    r"\u2028\u2029\u202a-\u202e\u2066-\u2069"  # line separators; what reorders letters whatever they are
    r"\ud800-\udfff\ufeff]"  # lone surrogates, which UTF-8 has no bytes for
)
_TOKEN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.[0-9]{1,4})?)\.[A-Za-z0-9_-]{43}")
_TOKEN_BYTES = re.compile(_TOKEN.pattern.encode())
_PRIVATE = re.compile(r"authori[sz]ation|cookie|secret|token|password|api[-_]?key", re.IGNORECASE)
_STEPS = (
    (timedelta(minutes=1), timedelta(seconds=1), "s"),
    (timedelta(hours=1), timedelta(minutes=1), "min"),
    (timedelta(days=2), timedelta(hours=1), "h"),
    (timedelta.max, timedelta(days=1), "d"),
)


def plain(text: str) -> str:
    """What cannot be seen, or would reorder its surroundings, made visible as �; capability tokens taken out."""
    return _TOKEN.sub(r"\1.(token)", _UNSEEN.sub("\ufffd", text.replace("\r\n", "\n")))


def unseen(text: str) -> int:
    """How many characters of a text `plain` would mark."""
    return sum(1 for _ in _UNSEEN.finditer(text))


def without_tokens(data: bytes) -> bytes:
    """Bytes with the capability tokens in them taken out, as `plain` does with text."""
    return _TOKEN_BYTES.sub(rb"\1.(token)", data)


def private(name: str) -> bool:
    """Whether the name of a parameter or a header says that its value is a secret."""
    return _PRIVATE.search(name) is not None


def clip(text: str, most: int) -> str:
    """At most `most` characters, the last of which says that there were more."""
    text = plain(text)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def shown(name: str, value: Any, most: int = 300) -> str:
    """A parameter or a header as one line; what its name calls a secret is not shown."""
    if private(name):
        return "(not shown)"
    return clip(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), most)


def flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters as dotted names, so that each is looked at by itself."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def short(name: str) -> str:
    """An id or a hash, shortened in the middle."""
    return plain(name) if len(name) <= 10 else plain(f"{name[:4]}…{name[-2:]}")  # noqa: PLR2004


def span(time: timedelta) -> str:
    """A duration with one unit: 480 ms, 2.31 s, 41 s, 3 min, 5 h, 9 d."""
    time = max(time, timedelta(0))
    if time < timedelta(seconds=1):
        return f"{time // timedelta(milliseconds=1)} ms"
    if time < timedelta(seconds=10):
        return f"{time // timedelta(milliseconds=10) / 100:.2f} s"
    unit, word = next((unit, word) for limit, unit, word in _STEPS if time < limit)
    return f"{time // unit} {word}"


def ago(at: datetime, now: datetime) -> str:
    """When, seen from now: 4 s ago, just now, in 3 min."""
    if abs(now - at) < timedelta(seconds=1):
        return "just now"
    if at > now:
        return f"in {span(at - now)}"
    apart = now - at
    return f"{apart // timedelta(seconds=1)} s ago" if apart < timedelta(minutes=1) else f"{span(apart)} ago"


def size(count: int) -> str:
    """Bytes in steps of 1,000: 640 B, 18 KB, 1.8 MB."""
    if count < 1000:  # noqa: PLR2004
        return f"{count} B"
    return f"{count / 1000:.0f} KB" if count < 999_500 else f"{count / 1_000_000:.1f} MB"  # noqa: PLR2004


def exact(at: datetime) -> str:
    """The moment for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"


def day(at: datetime) -> str:
    """The day, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def clock(at: datetime) -> str:
    """The time of day, in UTC, to the millisecond."""
    return f"{at.astimezone(UTC):%H:%M:%S.%f}"[:-3]


def many(count: int, one: str, more: str = "") -> str:
    """1 job, 12 jobs."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"
