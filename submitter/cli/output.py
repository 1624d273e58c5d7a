"""What the commands print: data on stdout as tables or JSON, all else on stderr. Hostile text is shown as text."""

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from receiver.audit.provenance.reading import Provenance
    from receiver.ledger.views import DeliveryView, ImageView, JobView, PurgeView

WIDE = 100_000
"""Columns of what is no terminal: nothing wraps, so that ids stay whole for those who cut lines apart."""
CLIP = 100
"""Characters of a provider's sentence in a list; `show` has all of it."""
NUMBERS = {"n", "bytes", "repeats", "images", "tries"}
FOLDED = {"error", "reason", "path", "value", "source", "what goes wrong", "says", "mend"}
"""Columns that may run over several lines; all others stay whole, ids above all: they are copied."""
NARROWEST = 16
"""Characters that a folded column needs at least."""

_JOINERS = {"\u200c", "\u200d"}
_UNSHOWN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def clean(text: object) -> str:
    """A text as one line that cannot move the cursor, colour the screen or turn the reading direction."""
    said = str(text)
    return said if said.isprintable() else "".join(map(_shown, said))


def _shown(letter: str) -> str:
    if letter in "\n\r\t\u2028\u2029":
        return " "
    return "\ufffd" if unicodedata.category(letter) in {"Cc", "Cf", "Cs"} and letter not in _JOINERS else letter


def say(text: str) -> None:
    """A line of data."""
    typer.echo(clean(text))


def note(text: str) -> None:
    """A line beside the data."""
    typer.echo(clean(text), err=True)


def complain(text: str) -> None:
    """Why it did not go well, in one line."""
    note(text if text.startswith("proofhook ") else f"proofhook: {text}")


def say_json(data: Any) -> None:
    """UTF-8 whatever the terminal speaks; what could act on a terminal stays escaped, which is the same JSON."""
    text = _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(data, indent=2, ensure_ascii=False))
    typer.echo(text.encode("utf-8", "backslashreplace"))


def _console() -> "Console":
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, markup=False, highlight=False, emoji=False)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, spare: Sequence[str] = (), header: bool = True
) -> None:
    """Rows under their columns; a None is a dash. A terminal too narrow for all of it goes without `spare` columns."""
    from rich.table import Table
    from rich.text import Text

    console, terminal = _console(), sys.stdout.isatty()
    cells = {
        name: ["-" if cell is None else clean(cell) for cell in column]
        for name, column in zip(columns, zip(*rows, strict=True), strict=True)
    }
    if terminal:
        _fit(cells, spare, console.width)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=header, header_style="bold")
    for name in cells:
        side: Any = "right" if name in NUMBERS else "left"
        grid.add_column(Text(name), justify=side, no_wrap=name not in FOLDED, overflow="fold")
    for row in zip(*cells.values(), strict=True):
        grid.add_row(*map(Text, row))
    with console.capture() as capture:
        console.print(grid)
    shown = capture.get()
    typer.echo(shown if terminal else "\n".join(line.rstrip() for line in shown.splitlines()), nl=not terminal)


def _fit(cells: dict[str, list[str]], spare: Sequence[str], width: int) -> None:
    """Leave out folded columns that say nothing, then spare ones, the first first, until the rest fits."""
    from rich.cells import cell_len

    for name in FOLDED & cells.keys():
        if set(cells[name]) == {"-"}:
            del cells[name]
    needs = {name: max(map(cell_len, (name, *column))) for name, column in cells.items()}
    needs |= {name: min(needs[name], NARROWEST) for name in FOLDED & cells.keys()}
    for name in spare:
        if sum(needs[left] + 2 for left in cells) <= width:
            return
        cells.pop(name, None)


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """Show that something is waited for, and how long: on a terminal only. What is given says what is being done."""
    if not sys.stderr.isatty():
        yield lambda _doing: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    words = TextColumn("{task.description}", markup=False)
    console = Console(stderr=True)
    with Progress(SpinnerColumn(), words, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(clean(text), total=None)
        yield lambda doing: progress.update(task, description=clean(f"{text}: {doing}"))


def clipped(text: str | None) -> str | None:
    return text if text is None or len(text) <= CLIP else f"{text[: CLIP - 1]}…"


def age(at: datetime) -> str:
    """How long ago, in one unit."""
    seconds = max(int((datetime.now(UTC) - at).total_seconds()), 0)
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def clock(at: datetime | None, since: datetime | None = None) -> str | None:
    """A time in UTC to the millisecond, and how long after `since` it was."""
    if at is None:
        return None
    text = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"
    return f"{text}  (+{(at - since).total_seconds():.3f} s)" if since else text


def job_table(jobs: Sequence["JobView"]) -> None:
    rows = []
    for job in jobs:
        held = f"{sum(image.state == 'stored' for image in job.images)}/{max(job.expected, len(job.images))}"
        error = next((image.error for image in job.images if image.state == "dead"), None)
        why = f"{job.error['code']}: {job.error['message']}" if job.error else error
        rows.append((job.id, job.provider, job.status, age(job.created_at), held, clipped(why)))
    table(("job", "provider", "status", "age", "images", "error"), rows, spare=("images", "age"))


def image_table(images: Sequence["ImageView"]) -> None:
    columns = ("n", "state", "type", "pixels", "bytes", "by", "tries", "path")
    table(columns, map(_image, images), spare=("tries", "by", "state"))


def _image(image: "ImageView") -> tuple[object, ...]:
    pixels = f"{image.width}x{image.height}" if image.width and image.height else None
    where = clipped(image.error) if image.state == "dead" else image.path or image.sha256
    tries = image.attempts or None
    return (image.n, image.state, image.media_type, pixels, image.bytes, image.arrived_by, tries, where)


def delivery_table(deliveries: Sequence["DeliveryView"], *, jobs: bool = True) -> None:
    columns = ["received", "kind", "verdict", "scheme", "key", "bytes", "repeats", "id", *(["provider", "job"] * jobs)]
    rows = []
    for one in deliveries:
        facts = (clock(one.received_at), one.kind, one.verdict, one.scheme, one.key_id, one.body_bytes, one.repeats)
        rows.append((*facts, one.id, *((one.provider, one.job_id) if jobs else ()), clipped(one.reason)))
    spare = ("id", "repeats", "bytes", "key", "scheme", "kind", "provider", "received")
    table((*columns, "reason"), rows, spare=spare)


def job_page(job: "JobView", made: "Mapping[int, Provenance]") -> None:
    """Everything that is known of a job; `made` is what its images say of their making."""
    from submitter.cli.provenance import provenance_table

    began = job.created_at
    error = f"{job.error['code']}: {job.error['message']}" if job.error else None
    facts: list[tuple[str, object]] = [
        ("job", job.id), ("provider", job.provider), ("model", job.model), ("request id", job.request_id),
        ("status", job.status), ("error", error), ("created", clock(began)),
        ("submitted", clock(job.submitted_at, began)), ("finished", clock(job.finished_at, began)),
        ("delivered", clock(job.delivered_at, began)), ("deadline", clock(job.deadline_at)),
        *((("purged", _purged(job.purged)),) if job.purged else ()),
        ("cost", f"{job.cost_usd} USD" if job.cost_usd else None), ("upload", "yes" if job.upload else "no"),
        *((f"tag {name}", value) for name, value in job.tags.items()),
        *((f"param {name}", json.dumps(value, ensure_ascii=False)) for name, value in job.params.items()),
    ]  # fmt: skip
    table(("fact", "value"), facts, header=False)
    typer.echo("\nimages" if job.images else "\nno images yet")
    if job.images:
        image_table(job.images)
    if made:
        typer.echo("\nprovenance")
        provenance_table(made)
    typer.echo("\ndeliveries" if job.deliveries else "\nno deliveries yet")
    if job.deliveries:
        delivery_table(job.deliveries, jobs=False)


def _purged(purge: "PurgeView") -> str:
    return f"{clock(purge.at)}, {purge.by}{'' if purge.done else '; its files are still going'}"


def ended(job: "JobView") -> bool:
    """Nothing more happens to it by itself."""
    from receiver.ledger.rules import FINAL

    return job.status in FINAL or job.stuck


def why(job: "JobView") -> str | None:
    """Why a job is not delivered, and what to do; None where it is."""
    if job.status == "delivered":
        return None
    if dead := next((image for image in job.images if image.state == "dead"), None):
        lost = f"job {job.id}: image {dead.n} could not be collected ({dead.error or 'no reason kept'})"
        return f"{lost}; `proofhook retry {job.id}` tries again"
    said = f" ({job.error['code']}: {job.error['message']})" if job.error else ""
    if not ended(job):
        return f"job {job.id} is still {job.status}{said} and goes on; look with `proofhook wait {job.id}`"
    again = f"; `proofhook retry {job.id}` asks once more" if job.status == "expired" and job.request_id else ""
    return f"job {job.id} {job.status}{said}{again}"
