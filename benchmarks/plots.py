"""Two pictures as SVG, drawn by hand: bars against the goal, and latency by the number of connections."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from benchmarks.goals import TIMES

INK, FAINT, MET, UNMET = "#24292f", "#d0d7de", "#1a7f5a", "#b35900"
COLOURS = ("#0550ae", "#8250df")
FONT = "font-family='system-ui, sans-serif' font-size='13'"
DOTTED = " (dotted)"
CLIP = 2.0
"""A bar that reaches twice its goal or more is cut there, and its number says how far it went."""


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' {FONT}>"
        f"<title>{escape(title)}</title><rect width='{width}' height='{height}' fill='white'/>"
    )
    return "\n".join((head, *parts, "</svg>")) + "\n"


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = INK) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{colour}'>{escape(words)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = FAINT, more: str = "") -> str:
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' {more}/>"


def bars(rows: list[dict[str, Any]]) -> str:
    """How much of its goal each row reaches; a goal that is a limit counts the other way round."""
    shown = [row for row in rows if "not_measured" not in row and row["goal"] and row["median"] > 0]
    left, top, step, width = 160, 44, 30, 900
    scale = (width - left - 110) / CLIP
    goal_x = left + scale
    height = top + step * len(shown) + 20
    parts = [_text(goal_x, 24, "goal", "middle")]
    for number, row in enumerate(shown):
        y = top + number * step
        values = [_reached(row, row[name]) for name in ("median", "least_seen", "most_seen")]
        reached, low, high = (min(value, CLIP) for value in values)
        colour = MET if row["met"] else UNMET
        mark = "✓" if row["met"] else "✗"
        unit = row["unit"] if row["unit"] == TIMES else f" {row['unit']}"
        said = f"{mark} {row['median']:.3g}{unit} of {row['goal']:g}"
        parts += [
            _text(left - 10, y + 15, row["name"], "end"),
            f"<rect x='{left}' y='{y + 2}' width='{reached * scale:.1f}' height='18' fill='{colour}' rx='2'/>",
            _line(left + min(low, high) * scale, y + 11, left + max(low, high) * scale, y + 11, INK),
            _text(left + max(reached, low, high) * scale + 6, y + 15, said),
        ]
    parts.append(_line(goal_x, 30, goal_x, height - 14, INK, "stroke-dasharray='4 3'"))
    return _svg(width + 70, height, "Measured values against their goals", parts)


def _reached(row: dict[str, Any], value: float) -> float:
    share: float = value / row["goal"] if row["least"] else row["goal"] / max(value, row["goal"] / CLIP / 2)
    return share


def curves(found: dict[str, list[dict[str, float]]]) -> str:
    """p50 and p99 by connections, both axes logarithmic."""
    left, top, right, bottom = 64, 24, 640, 320
    points = [point for series in found.values() for point in series]
    xs = sorted({point["connections"] for point in points})
    ys = [point[name] for point in points for name in ("p50", "p99")]
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))

    def x_of(value: float) -> float:
        return left + (right - left) * math.log(value / xs[0]) / math.log(xs[-1] / xs[0])

    def y_of(value: float) -> float:
        return bottom - (bottom - top) * math.log(value / low) / math.log(high / low)

    parts = [_line(x_of(x), top, x_of(x), bottom) for x in xs] + [
        _text(x_of(x), bottom + 18, f"{x:g}", "middle") for x in xs
    ]
    power = low
    while power <= high:
        parts += [
            _line(left, y_of(power), right, y_of(power)),
            _text(left - 8, y_of(power) + 4, f"{power:g} ms", "end"),
        ]
        power *= 10
    parts += [
        _line(left, y_of(20), right, y_of(20), INK, "stroke-dasharray='4 3'"),
        _text(right + 8, y_of(20) + 4, "20 ms"),
        _text((left + right) / 2, bottom + 38, "connections", "middle"),
    ]
    parts += _series(found, x_of, y_of)
    return _svg(right + 130, bottom + 50, "Latency by the number of connections", parts)


def _series(
    found: dict[str, list[dict[str, float]]], x_of: Callable[[float], float], y_of: Callable[[float], float]
) -> list[str]:
    """The lines and their legend, two parts for each."""
    parts: list[str] = []
    for number, (name, series) in enumerate(found.items()):
        for quantile, dash in (("p50", "stroke-dasharray='2 3'"), ("p99", "")):
            path = " ".join(f"{x_of(point['connections']):.1f},{y_of(point[quantile]):.1f}" for point in series)
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2' {dash}/>")
            parts.append(_text(76, 44 + 9 * len(parts), f"{name} {quantile}{DOTTED if dash else ''}", "start", colour))
    return parts
