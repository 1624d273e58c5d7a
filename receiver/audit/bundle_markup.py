"""Text → markup for a bundle's page: whatever a stranger wrote comes out as text. Pure."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def attribute(value: Any) -> str:
    """Escaped, and nothing in it that cannot be seen or that reorders what stands around it."""
    return html.escape(_UNSEEN.sub("\ufffd", str(value)))


def text(value: Any) -> str:
    return f"<bdi>{attribute(value)}</bdi>"


def link(file: str, words: str) -> str:
    return f'<a href="{attribute(file)}">{attribute(words)}</a>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Cells are markup already. On a phone each row is a block."""
    yield f'<table><tr class="head">{"".join(f"<th>{each}</th>" for each in columns)}</tr>'
    for row in rows:
        cells = (f'<td class="{name.split()[0]}">{cell}</td>' for name, cell in zip(columns, row, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table>"
