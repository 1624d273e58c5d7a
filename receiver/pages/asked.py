"""Which jobs a page is asked for: an address → what is wanted, and back, so that it can be handed on. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from receiver.errors import Malformed
from receiver.ledger.searching import Wanted

NAMES = ("q", "provider", "status", "verdict", "tag", "since", "until")
"""Every filter, in the order in which an address has them."""
MOST_TEXT = 200
VIEWS = ("gallery", "table")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""The id of a job or a delivery, as addresses have it."""
_WORD = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)
_AGE = re.compile(r"(\d{1,5})(min|h|d)", re.ASCII)
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Asked:
    """`filters` are those of the address that say something, as they stand there; `after` is the cursor."""

    wanted: Wanted
    filters: Mapping[str, str]
    view: str
    after: str

    def query(self, **other: str) -> str:
        """The query of the same filters, with these changed; empty values fall out, and so does the cursor."""
        values = {**self.filters, "view": self.view if self.view != VIEWS[0] else "", **other}
        found = {name: value for name, value in values.items() if value}
        return f"?{urlencode(found)}" if found else ""

    def words(self) -> Iterator[tuple[str, str, str]]:
        """Each filter as name, value, and the query without it."""
        for name, value in self.filters.items():
            yield {"q": "words", "since": "from", "until": "before"}.get(name, name), value, self.query(**{name: ""})


def asked(query: Mapping[str, str], now: datetime) -> Asked:
    """Raises Malformed for what cannot be a filter."""
    given = {name: query.get(name, "").strip() for name in NAMES}
    filters = {name: value for name, value in given.items() if value}
    view = query.get("view") or VIEWS[0]
    if view not in VIEWS:
        raise Malformed(f"view is one of {', '.join(VIEWS)}")
    words = {name: word(given[name], name) for name in ("provider", "status", "verdict")}
    wanted = Wanted(
        **words,
        tag=_text(given["tag"], "tag"),
        since=moment(given["since"], "since", now),
        until=moment(given["until"], "until", now),
        text=_text(given["q"], "q"),
    )
    return Asked(wanted, filters, view, _text(query.get("after", ""), "after"))


def has_empty(query: Mapping[str, str]) -> bool:
    """Whether a form was sent with fields left empty: the address is then shorter without them."""
    return any(not value for value in query.values())


def word(value: str, name: str) -> str:
    """A filter that is one word, or empty. Raises Malformed."""
    if value and not _WORD.fullmatch(value):
        raise Malformed(f"{name} is one word of small letters, such as those the page offers")
    return value


def moment(value: str, name: str, now: datetime) -> datetime | None:
    """A time of the address: RFC 3339, UTC where it has no zone; or an age, as 90min, 24h, 7d. Raises Malformed."""
    if not value:
        return None
    try:
        if age := _AGE.fullmatch(value):
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} is a time such as 2026-01-31T12:00:00Z, or an age such as 90min, 24h or 7d") from None


def _text(value: str, name: str) -> str:
    if len(value) > MOST_TEXT or any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in value):
        raise Malformed(f"{name} is at most {MOST_TEXT} characters, none of them a control character")
    return value
