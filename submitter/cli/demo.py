"""`proofhook demo`: the whole road on loopback, against the sandbox of every provider. It spends nothing."""

import asyncio
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from receiver.ledger.views import DeliveryView, JobView
    from receiver.settings import Settings

PATIENCE = 60.0
"""Seconds that all jobs together may take."""


@dataclass(frozen=True, slots=True)
class Act:
    """One job of the demo."""

    provider: str
    order: dict[str, Any]


PROMPT = "Put a donut next to the flour."
ACTS = (
    Act("fal", {"n": 2, "seed": 42, "aspect_ratio": "16:9", "pictured": True}),
    Act("fireworks", {"seed": 7, "output_format": "png", "pictured": True}),
    Act("runware", {"n": 2, "aspect_ratio": "3:2"}),
    Act("runware", {"upload": True, "output_format": "webp", "aspect_ratio": "1:1"}),
    Act("vtrix", {"seed": 11, "output_format": "png"}),
)


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End when every image is stored, instead of staying up.")
    ] = False,
) -> None:
    """Send a job to the sandbox of every provider and wait until each image is stored and verified."""
    from receiver.log import configure
    from submitter.cli.demo_house import arrange, running, tell, wait_until_up

    configure("auto", "error")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proofhook-demo-")))
        settings, sandbox = arrange(folder)
        logs = [folder / "sandbox.log", folder / "serve.log"]
        _progress("starting the sandbox and the receiver …")
        stack.enter_context(running(logs[0], "sandbox", f"--port={sandbox}"))
        stack.enter_context(running(logs[1], "serve"))
        wait_until_up(settings, logs)
        _progress("sending a job to every provider …")
        delivered = asyncio.run(_play(settings, folder))
        if not delivered:
            tell(logs)
        _say_where(settings)
        if not leave:
            typer.echo("Everything stays up until Ctrl-C.", err=True)
            threading.Event().wait()
    raise typer.Exit(0 if delivered else 1)


def _progress(sentence: str) -> None:
    if sys.stderr.isatty():
        typer.echo(sentence, err=True)


async def _play(settings: "Settings", folder: Path) -> bool:
    from submitter.client import Submitter

    pictured = folder / "kitchen.png"
    _draw(pictured)
    async with Submitter(settings) as submitter:
        jobs = []
        for act in ACTS:
            order = dict(act.order)
            images = [pictured] if order.pop("pictured", False) else []
            jobs.append(await submitter.submit(act.provider, prompt=PROMPT, images=images, **order))
        waiting = [asyncio.ensure_future(job.wait(PATIENCE)) for job in jobs]
        await asyncio.wait(waiting)
        views = [await job.now() for job in jobs]
    _show(views)
    return all(view.status == "delivered" for view in views)


def _draw(path: Path) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (256, 256), (236, 226, 208))
    ImageDraw.Draw(picture).rectangle((48, 96, 208, 224), fill=(188, 143, 94))
    picture.save(path)


def _show(views: "list[JobView]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    columns = ("provider", "job", "how it came back", "verdict", "type", "pixels", "bytes", "ms")
    table = Table(*columns, box=box.SIMPLE_HEAD)
    for view in views:
        end = view.delivered_at or datetime.now(UTC)
        took = round((end - view.created_at).total_seconds() * 1000)
        table.add_row(view.provider, view.id, *map("\n".join, zip(*_lines(view), strict=True)), str(took))
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)


def _lines(view: "JobView") -> list[tuple[str, str, str, str, str]]:
    """For each image: how it came back, verdict, type, pixels, bytes."""
    verdicts = sorted({_verdict(one) for one in view.deliveries}) or ["none yet"]
    push = "asked" if any(one.kind == "answer" for one in view.deliveries) else "callback"
    found = []
    for image in view.images:
        way = {"upload": "PUT upload", "download": f"{push}, then download", "inline": f"{push}, inline"}.get(
            image.arrived_by or "", image.state
        )
        pixels = f"{image.width}x{image.height}" if image.width else "-"
        found.append((way, ", ".join(verdicts), image.media_type or "-", pixels, str(image.bytes or "-")))
    reason = f"{view.error['code']}: {view.error['message']}" if view.error else view.status
    return found or [(reason, ", ".join(verdicts), "-", "-", "-")]


def _verdict(delivery: "DeliveryView") -> str:
    return delivery.verdict if delivery.verdict == delivery.scheme else f"{delivery.verdict} ({delivery.scheme})"


def _say_where(settings: "Settings") -> None:
    from receiver.pages.session import sign_in_link

    typer.echo(f"Look: {sign_in_link(settings, datetime.now(UTC))}")
