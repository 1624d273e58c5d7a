"""What a search means, row by row: the database sorts out most of what does not match, Python says what does.

The database sees JSON as the text that we wrote. So nothing in a prompt can make it stumble (PostgreSQL refuses to
unpack an escaped NUL), and letters beyond ASCII are found whatever its locale is.
"""

import json
import re
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, cast, func, or_, select, type_coerce

from receiver.errors import Malformed
from receiver.ledger import tables
from receiver.ledger.evidence import can_name

LEAST_OF_AN_ID = 8
"""Characters that the start of an id must have, to be taken for one."""
BELIEVED = frozenset({"verified", "unsigned", "asked"})
"""The verdicts of deliveries that were let in; every other is the slug of a refusal."""
REFUSED = "refused"
"""As a filter: every refusal."""
_WORD = re.compile(r"[0-9A-Za-z_.:-]+", re.ASCII)
_ESCAPE = "!"


def check_names(*names: str) -> None:
    """Raises Malformed for a filter that no database takes: it names nothing that there can be."""
    if not all(map(can_name, names)):
        raise Malformed("a filter holds a letter that is in no name of ours")


def is_id_like(text: str) -> bool:
    """Whether it may be the start of an id: one word, and not too short."""
    return len(text) >= LEAST_OF_AN_ID and _WORD.fullmatch(text) is not None


def written(connection: Connection, column: Any) -> ColumnElement[str]:
    """A column of JSON as its text."""
    return type_coerce(column, String) if connection.dialect.name == "sqlite" else cast(column, String)


def may_match(connection: Connection, text: str, tag: str) -> list[ColumnElement[bool]]:
    """Conditions on a job that none fails which `matches`; some that do not match may pass, too."""
    job = tables.job.c
    found: list[ColumnElement[bool]] = []
    if tag:
        tags = written(connection, job.tags)
        place = func.instr if connection.dialect.name == "sqlite" else func.strpos
        found.append(place(tags, _tag(tag)) > 0)
    if text:
        orders, pattern = written(connection, job.order_json), f'%"prompt": "%{_pattern(text)}%'
        words = [_like(connection, orders, pattern)]
        if is_id_like(text):
            start = f"{_escaped(text)}%"
            words += [_like(connection, job.id, start), _like(connection, job.request_id, start)]
        found.append(or_(*words))
    return found


def matches(text: str, tag: str, *, names: tuple[str, str | None], order: str, tags: str) -> bool:
    """Whether a job is wanted, by its id and request id, its order and its tags as they are written."""
    if tag and not _has(json.loads(tags), tag):
        return False
    if not text or (is_id_like(text) and any(name and name.lower().startswith(text.lower()) for name in names)):
        return True
    return text.casefold() in str(json.loads(order).get("prompt") or "").casefold()


def came(verdict: str) -> ColumnElement[bool]:
    """Whether the job has a delivery of that verdict."""
    delivery = tables.delivery.c
    mine = select(delivery.id).where(delivery.job_id == tables.job.c.id, of_verdict(verdict)).limit(1)
    # no EXISTS: PostgreSQL makes a join of that, and reads every delivery of the verdict first
    return mine.correlate(tables.job).scalar_subquery().is_not(None)


def of_verdict(verdict: str) -> ColumnElement[bool]:
    """Whether a delivery has that verdict."""
    said = tables.delivery.c.verdict
    condition: ColumnElement[bool] = said.not_in(sorted(BELIEVED)) if verdict == REFUSED else said == verdict
    return condition


def _has(tags: dict[str, Any], tag: str) -> bool:
    name, given, value = tag.partition("=")
    return name in tags and (not given or tags[name] == value)


def _tag(tag: str) -> str:
    """What stands in the text of tags that have it."""
    name, given, value = tag.partition("=")
    return f"{json.dumps(name)}: {json.dumps(value) if given else ''}"


def _pattern(text: str) -> str:
    """What stands in the text of prompts that have it, as LIKE says it: a letter beyond ASCII in either case."""
    return "".join(_escaped(json.dumps(letter)[1:-1]) if _one_case(letter) else r"\u____" for letter in text)


def _one_case(letter: str) -> bool:
    return letter.isascii() or letter > "\uffff" or letter.lower() == letter.upper() == letter.casefold()


def _escaped(text: str) -> str:
    return re.sub(r"([%_!])", rf"{_ESCAPE}\1", text)


def _like(connection: Connection, column: Any, pattern: str) -> ColumnElement[bool]:
    """LIKE that is deaf to the case of ASCII letters; SQLite's always is."""
    if connection.dialect.name == "sqlite":
        return type_coerce(column, String).like(pattern, escape=_ESCAPE)
    return type_coerce(column, String).ilike(pattern, escape=_ESCAPE)
