"""What is left out of a bundle by one name and stands in it by another: said before it is written. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from receiver.audit.bundle_facts import Facts

SHORTEST = 6
"""Bytes of a value that is looked for: shorter ones stand anywhere."""
_OURS = ("verify.py", "manifest.", "signers.", "checkpoint.")


def echoes(facts: Facts, files: Mapping[str, bytes]) -> list[str]:
    """One sentence for each field and file; what entries say in plain, as a media type, is no secret."""
    found: dict[str, None] = {}
    plain = {value for item in facts.items for value in item.plain.values() if isinstance(value, str)}
    for item in facts.items:
        for name, value in item.closed.items():
            words = {form for each in {*_texts(value)} - plain for form in _forms(each) if len(form) >= SHORTEST}
            for file, data in files.items():
                if not file.startswith(_OURS) and any(form in data for form in words):
                    found[f"{name} is left out, yet something of it stands in {file}"] = None
    return [*found]


def _texts(value: bytes) -> Iterator[str]:
    """The texts in a field: itself, or of JSON each text that it holds."""
    said = value[1:].decode("utf-8", "replace")
    try:
        parsed = json.loads(said)
    except (ValueError, RecursionError):
        parsed = said
    level: list[Any] = [parsed if isinstance(parsed, dict | list) else said]
    while level:
        each = level.pop()
        if isinstance(each, dict):
            level += each.values()
        elif isinstance(each, list):
            level += each
        elif isinstance(each, str):
            yield each


def _forms(text: str) -> set[bytes]:
    """As it is, and as JSON writes it, with ASCII only or without."""
    escaped = (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    return {each.encode("utf-8", "replace") for each in (text, *escaped)}
