"""The report's plots as inline SVG; colours come from the page's style, so that they are right in the dark. Pure."""

import calendar
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from html import escape

from receiver.audit.report import EDGES, Line

WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 900, 220, 56, 22, 10
SMALL, LOW = 380, 150
_REDS = 4
_ORDER = ("verified", "unsigned", "asked")
MINUTE, HOUR = 60, 3600


def days(month: str, found: Mapping[str, Counter[str]], believed: Collection[str]) -> str:
    """A column for each day of the month, its verdicts upon each other, with a legend."""
    year, number = map(int, month.split("-"))
    names = [f"{month}-{day:02}" for day in range(1, calendar.monthrange(year, number)[1] + 1)]
    verdicts = _sorted({verdict for day in found.values() for verdict in day}, believed)
    colours = _colours(verdicts, believed)
    top = nice(max(sum(day.values()) for day in found.values()))
    step = (WIDTH - LEFT) / len(names)
    parts = [_frame(WIDTH, HEIGHT, top, "deliveries per day")]
    for place, name in enumerate(names):
        left, bottom = LEFT + place * step, float(HEIGHT - BELOW)
        parts.append(_text(left + step / 2, HEIGHT - 6, str(place + 1), "middle"))
        for verdict in verdicts:
            if count := found.get(name, Counter())[verdict]:
                height = count / top * (HEIGHT - BELOW - ABOVE)
                bottom -= height
                told = f"{name}: {count:,} {verdict}"
                parts.append(_bar(left + 2, bottom, step - 4, height, colours[verdict], told))
    return "".join([*parts, "</svg>\n", _legend(verdicts, colours)])


def times(line: Line) -> str:
    """How many images of one provider took how long."""
    top = nice(max(line.bins))
    step = (SMALL - LEFT) / len(line.bins)
    parts = [f"<figure><figcaption>{escape(line.provider)}</figcaption>", _frame(SMALL, LOW, top, "images")]
    labels = [*(_span(edge) for edge in EDGES), "more"]
    for place, count in enumerate(line.bins):
        left, height = LEFT + place * step, count / top * (LOW - BELOW - ABOVE)
        if count:
            told = f"{count:,} took {'more' if place == len(EDGES) else f'at most {labels[place]}'}"
            parts.append(_bar(left + 1.5, LOW - BELOW - height, step - 3, height, "bar", told))
        parts.append(_text(left + step / 2, LOW - 6, labels[place], "middle") if place % 2 == 0 else "")
    return "".join([*parts, "</svg></figure>\n"])


def nice(most: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50, … that is not below `most`."""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= most:
                return step * scale
        scale *= 10


def _sorted(verdicts: Collection[str], believed: Collection[str]) -> list[str]:
    """Those that are believed first, from the ground up."""
    usual = [each for each in _ORDER if each in verdicts]
    return usual + sorted(set(verdicts) - set(usual), key=lambda each: (each not in believed, each))


def _colours(verdicts: Sequence[str], believed: Collection[str]) -> dict[str, str]:
    refused = [each for each in verdicts if each not in believed]
    colours = {each: f"c{_ORDER.index(each) if each in _ORDER else 2}" for each in verdicts}
    return colours | {each: f"r{place % _REDS}" for place, each in enumerate(refused)}


def _frame(width: int, height: int, top: int, label: str) -> str:
    """The picture with its ground line, and lines at half and full height."""
    parts = [f'<svg role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}" height="{height}">']
    for part in (0.0, 0.5, 1.0):
        y = height - BELOW - part * (height - BELOW - ABOVE)
        parts.append(f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{width}" y2="{y:.1f}"/>')
        if top * part == int(top * part):
            parts.append(_text(LEFT - 6, y + 4, f"{int(top * part):,}", "end"))
    return "".join(parts)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _bar(x: float, y: float, width: float, height: float, colour: str, told: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 1):.1f}"'
    return f'<rect class="{colour}" {place}><title>{escape(told)}</title></rect>'


def _legend(verdicts: Sequence[str], colours: Mapping[str, str]) -> str:
    box = '<svg width="10" height="10" aria-hidden="true"><rect class="{}" width="10" height="10"/></svg>'
    items = (f"<li>{box.format(colours[each])}{escape(each)}</li>" for each in verdicts)
    return f'<ul class="legend">{"".join(items)}</ul>\n'


def _span(seconds: float) -> str:
    if seconds >= HOUR:
        return f"{seconds / HOUR:g}h"
    return f"{seconds / MINUTE:g}m" if seconds >= MINUTE else f"{seconds:g}s"
