"""The report as one page for people: a table and two kinds of plots, no script, nothing from elsewhere. Pure."""

from collections.abc import Iterator
from html import escape

from receiver.audit import report_plots
from receiver.audit.report import BELIEVED, Line, Month, cost, reasons

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body><main>
"""
STYLE = """
:root{color-scheme:light dark;--ground:#fcfcfa;--text:#1d1f23;--faint:#686d76;--line:#dcdcd6;
--c0:#2f7d4f;--c1:#3a6ea5;--c2:#8b8f98;--r0:#c0392b;--r1:#d9822b;--r2:#8e44ad;--r3:#b5651d;--bar:#3a6ea5}
@media (prefers-color-scheme:dark){:root{--ground:#16181c;--text:#e8e8e4;--faint:#9aa0aa;--line:#33373e;
--c0:#5bb882;--c1:#6ea8e0;--c2:#8b919c;--r0:#ef6a5b;--r1:#efa458;--r2:#bf84d6;--r3:#d39a63;--bar:#6ea8e0}}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,sans-serif}
main{max-width:90rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.5rem 0 .75rem}p{color:var(--faint);max-width:46rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .5rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--faint);font-weight:500}th:first-child,td:first-child{text-align:left}th,td{font-size:.87rem}
td.words,th:last-child{white-space:normal;text-align:left;min-width:9rem}
svg{display:block;max-width:100%;height:auto}svg text{fill:var(--faint);font:11px system-ui,sans-serif}
.axis{stroke:var(--line)}.bar{fill:var(--bar)}.plots{display:flex;flex-wrap:wrap;gap:1.5rem 2.5rem}
figure{margin:0}figcaption{font-weight:500;margin-bottom:.3rem}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.5rem 0 0;padding:0;list-style:none}
.legend svg{display:inline-block;margin-right:.4rem}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}
.r0{fill:var(--r0)}.r1{fill:var(--r1)}.r2{fill:var(--r2)}.r3{fill:var(--r3)}
"""
_COLUMNS = (
    "provider", "jobs", "delivered", "failed", "moderated", "expired", "cancelled", "open", "late", "duplicates",
    "median s", "p99 s", "cost, USD", "cost unknown", "images", "bytes", "refused",
)  # fmt: skip
WORDS = """Jobs are those opened in this month (UTC), with what became of them since; deliveries are those that came
in it.
<b>Late</b>: delivered after the deadline, or learned of by asking where a callback should have come first.
<b>Duplicates</b>: deliveries that came again and changed nothing. Seconds run from the call to the provider until the
image was stored. <b>Cost</b> is what providers told us, exactly; jobs of which they told nothing are counted
beside it."""


def page(month: Month) -> str:
    """The whole page, as HTML."""
    return "".join(_parts(month))


def _parts(month: Month) -> Iterator[str]:
    yield _HEAD.format(title=f"proofhook: {escape(month.name)}", style=STYLE)
    yield f"<h1>Deliveries in {escape(month.name)}</h1>\n<p>{WORDS}</p>\n"
    if not month.lines:
        yield "<p>Nothing was sent, and nothing came.</p>\n"
    else:
        yield '<div class="wide"><table><thead><tr>'
        yield "".join(f"<th>{name}</th>" for name in _COLUMNS)
        yield "</tr></thead><tbody>\n"
        yield from map(_row, month.lines)
        yield "</tbody></table></div>\n"
    if month.days:
        yield "<h2>Deliveries per day, by verdict</h2>\n"
        yield report_plots.days(month.name, month.days, BELIEVED)
    if timed := [line for line in month.lines if line.bins]:
        yield '<h2>Seconds from submit to stored</h2>\n<div class="plots">\n'
        yield from map(report_plots.times, timed)
        yield "</div>\n"
    yield "</main></body></html>\n"


def _row(line: Line) -> str:
    cells = (
        line.jobs, line.delivered, line.failed, line.moderated, line.expired, line.cancelled, line.open, line.late,
        line.duplicates, _seconds(line.median), _seconds(line.p99), cost(line) or "-", line.cost_unknown, line.images,
        line.bytes,
    )  # fmt: skip
    shown = (f"{cell:,}" if isinstance(cell, int) else escape(cell) for cell in cells)
    figures = "".join(f"<td>{cell}</td>" for cell in shown)
    refused = escape(reasons(line) or "0")
    return f'<tr><td>{escape(line.provider)}</td>{figures}<td class="words">{refused}</td></tr>\n'


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"
