"""Logs: one line an event, JSON for machines, colour for people. A filter keeps secrets out even by mistake."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without(name: str) -> Iterator[None]:
    """What is imported meanwhile finds this package not there."""
    there = sys.modules.pop(name, None)
    sys.modules[name] = None  # type: ignore[assignment]  # what the import system takes for "there is none"
    try:
        yield
    finally:
        del sys.modules[name]
        if there is not None:
            sys.modules[name] = there


with _without("rich"):  # for tracebacks that nobody sees here; it is a fifth of a web process's start, and 3.5 MB
    import structlog
    from structlog.typing import EventDict, WrappedLogger


get_logger = structlog.get_logger
"""structlog's, for every module of ours: imported from here, so that it is loaded as above."""

_SLASH = r"(?:/|%2F)"
_TOKEN = re.compile(rf"({_SLASH}(?:hooks|uploads){_SLASH}[\w.-]+{_SLASH})[^\s\"'?&#]+", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^\s\"?]+)\?[^\s\"]*", re.IGNORECASE)
_DATA = re.compile(r"data:[^\s\",]*;base64,[A-Za-z0-9+/=_-]+", re.IGNORECASE)


def masked(text: str) -> str:
    """A text without capability tokens, URL queries (they carry signatures) and data URIs (they are pictures)."""
    return _QUERY.sub(r"\1?…", _TOKEN.sub(r"\1…", _DATA.sub("data:…", text)))


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: _clean(value) for name, value in event.items()}


def _clean(value: object) -> object:
    """The same value without secrets, however deep they stand; an object of ours or others as the text it shows."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {masked(str(name)): _clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each) for each in value]
    return masked(str(value))


def configure(log_format: str = "auto", level: str = "info") -> None:
    """Set up structlog for this process. `auto` is console on a terminal, else JSON. Lines go to stderr."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
