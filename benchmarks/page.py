"""Writes docs/performance.md and its pictures from the last results.

python -m benchmarks.page
"""

import json
from typing import Any

from benchmarks import plots
from benchmarks.goals import COMPARED, TIMES
from benchmarks.outcome import LAST
from benchmarks.processes import ROOT
from benchmarks.words import BOUNDS, HOW, JOURNEY, LATENCY, NOT_MEASURED, SEALED, SEALING, STARVED, WHAT

OWN_CORE = 0.8
"""A bare server that has its core to itself is busier than this."""
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"


def write(found: dict[str, Any]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "performance-goals.svg").write_text(plots.bars(found["rows"]))
    if found.get("curves"):
        (IMAGES / "performance-latency.svg").write_text(plots.curves(found["curves"]))
    PAGE.write_text(page(found))


def page(found: dict[str, Any]) -> str:
    parts = [
        "# Performance",
        WHAT.strip(),
        _about(found),
        _starved(found),
        "## Goals and what was measured",
        table(found["rows"]),
        "![Measured against the goals](images/performance-goals.svg)",
        *_unmet(found),
        *_journey(found["rows"]),
        *_sealing(found["rows"]),
        *_latency(found),
        *_absolute(found),
        "## How it was measured",
        HOW.strip(),
        "## What was not measured",
        NOT_MEASURED.strip(),
        "## Versions",
        ", ".join(f"{name} {version}" for name, version in found["versions"].items()) + ".",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| | goal | measured | least to most | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        goal = f"{'≥' if row['least'] else '≤'} {_number(row['goal'])}{_unit(row)}"
        if "not_measured" in row:
            lines.append(f"| {row['title']} | {goal} | not measured | | {row['not_measured']} |")
            continue
        span = f"{_number(row['least_seen'])} to {_number(row['most_seen'])}"
        mark = ("✓" if row["met"] else "✗") + ("" if _steady(row) else " unsteady")
        lines.append(f"| {row['title']} | {goal} | **{_number(row['median'])}**{_unit(row)} | {span} | {mark} |")
    return "\n".join(lines)


def _steady(row: dict[str, Any]) -> bool:
    """Whether every round fell on the same side of the goal; else the mark is the median's, and may turn."""
    sides = {value >= row["goal"] if row["least"] else value <= row["goal"] for value in row["values"]}
    return len(sides) == 1


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"  # noqa: PLR2004


def _unit(row: dict[str, Any]) -> str:
    return f" {row['unit']}" if row["unit"] not in {"", TIMES} else row["unit"]


def _about(found: dict[str, Any]) -> str:
    machine, scale = found["machine"], found["scale"]
    kind = "quick rounds" if found["quick"] else "full rounds"
    return (
        f"Last run: {found['measured_on']}, {kind} ({scale['rounds']} of {scale['seconds']:g} s each,"
        f" {found['took'] // 60} min {found['took'] % 60} s in all), {machine['cpu']}, {machine['cores']} cores shared"
        f" with others, {machine['memory_gb']} GB, Linux {machine['kernel']}; a write of 4 KiB through to the disk"
        f" takes {machine['fdatasync_us']} µs there. “A long history” was {scale['history']:,} deliveries."
    )


def _starved(found: dict[str, Any]) -> str:
    """The bare server waits for nothing but its core: where it did not have one, neither did the others."""
    bare = found.get("variants", {}).get("bare")
    if bare is None or max(bare["server"], bare["generator"]) >= OWN_CORE:
        return ""
    return STARVED.format(server=bare["server"], generator=bare["generator"]).strip()


def _unmet(found: dict[str, Any]) -> list[str]:
    unmet = [row for row in found["rows"] if not row["met"] and "not_measured" not in row]
    if not unmet:
        return []
    lines = [f"- **{row['title']}**: {_short(row)} {_bound(row, found.get('variants', {}))}" for row in unmet]
    return ["### Not met, by how much, and what bounds it", "\n".join(lines)]


def _bound(row: dict[str, Any], variants: dict[str, dict[str, float]]) -> str:
    """The sentence of words.py, with this run's own figures: µs of CPU for a request, and how busy the server is."""
    words = BOUNDS.get(row["name"], "What bounds it was not isolated.")
    pair = next(((each.one, each.other) for each in COMPARED if each.goal.name == row["name"]), None)
    if pair is None or not set(pair) <= variants.keys():
        return words
    mine, other = (variants[name] for name in pair)
    goal = 1e6 / (row["goal"] * other["rps"])
    busy = mine["server"]
    return words.format(goal=goal, ours=1e6 / mine["per_cpu"], one=1e6 / other["per_cpu"], busy=busy, idle=1 - busy)


def _short(row: dict[str, Any]) -> str:
    return f"{_number(row['median'])} where {_number(row['goal'])} was the goal."


def _journey(rows: list[dict[str, Any]]) -> list[str]:
    row = next((row for row in rows if "polled_ms" in row), None)
    if row is None:
        return []
    polled = "\n".join(f"| {name} | {value:.0f} ms |" for name, value in row["polled_ms"].items())
    ours = row["median"] + row["bare_ms"]
    return [
        "## From “done” to disk, against polling",
        JOURNEY.format(bare=row["bare_ms"]).strip(),
        f"| | |\n| --- | --- |\n| called back, collected by the worker | **{ours:.0f} ms** |\n{polled}",
    ]


def _sealing(rows: list[dict[str, Any]]) -> list[str]:
    row = next((row for row in rows if "sealing" in row), None)
    if row is None:
        return []
    lines = [f"| {title} | {row['sealing'][name]:,.0f} |" for name, title in SEALED.items()]
    return ["## Sealing and checking, for orientation", SEALING.strip(), "\n".join(["| | |", "| --- | --- |", *lines])]


def _latency(found: dict[str, Any]) -> list[str]:
    if not found.get("curves"):
        return []
    return [
        "## Latency",
        LATENCY.strip(),
        "![Latency by connections](images/performance-latency.svg)",
    ]


def _absolute(found: dict[str, Any]) -> list[str]:
    if not found.get("variants"):
        return []
    head = "| variant | requests/s | per CPU-second | p50 ms | p99 ms | server busy | generator busy |"
    lines = [head, "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, each in found["variants"].items():
        busy = f"{each['server']:.2f} | {each['generator']:.2f}"
        figures = f"{each['rps']:.0f} | {each['per_cpu']:.0f} | {each['p50']:.1f} | {each['p99']:.1f} | {busy}"
        lines.append(f"| `{name}` | {figures} |")
    kept = sum(each["acknowledged"] for each in found["kept"].values())
    stored = sum(each["stored"] for each in found["kept"].values())
    sentence = f"All answers were 2xx. Acknowledged by those that store: {kept:,}; stored, matched: {stored:,}."
    return ["## The variants, for orientation", "\n".join(lines), f"{sentence} {_images(found['variants'])}".strip()]


def _images(variants: dict[str, Any]) -> str:
    """What the downloads beside the callbacks came to: a worker that stood still would cost nothing."""
    beside = variants.get("hmac-downloads", {}).get("images")
    return f"Beside `hmac-downloads` its worker stored {beside:.1f} images of 2 MB per second." if beside else ""


if __name__ == "__main__":
    write(json.loads(LAST.read_text()))
