"""`proofhook serve`: web, worker and reconciler, each a process of its own; `--only` runs one of them in this one."""

import asyncio
import gc
import os
from enum import StrEnum
from typing import Annotated, Any

import typer


class Part(StrEnum):
    """What `serve` is made of."""

    WEB = "web"
    WORKER = "worker"
    RECONCILE = "reconcile"


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen; HOST when not given.")] = None,
    port: Annotated[int | None, typer.Option(help="Where to listen; PORT when not given.")] = None,
    only: Annotated[Part | None, typer.Option(help="Run one part instead of all three.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Web processes that share the port; WEB_CONCURRENCY when not given.")
    ] = None,
) -> None:
    """Receive callbacks, collect images, ask about late jobs. Ctrl-C or SIGTERM ends it in good order."""
    from receiver.log import configure
    from receiver.settings import load
    from submitter.cli.supervisor import MARK, Supervisor

    options = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load(**options, **({} if workers is None else {"web_concurrency": workers}))
    configure(settings.log_format, settings.log_level)
    if MARK in os.environ and only is not None:
        _run(only, settings)
        return
    _warn(settings)
    parts = members(only, settings.web_concurrency)
    if len(parts) == 1:
        _run(parts[0], settings)
    else:
        raise typer.Exit(Supervisor(settings, parts, [f"--{name}={value}" for name, value in options.items()]).run())


def members(only: Part | None, web: int) -> list[Part]:
    """Every process to run, by its part: the web part as often as was asked for, each other once."""
    return [part for part in Part if only in {None, part} for _ in range(web if part is Part.WEB else 1)]


def _warn(settings: Any) -> None:
    from receiver.log import get_logger
    from submitter.cli.disks import will_be_lost

    if lost := will_be_lost(settings, os.environ):
        get_logger("serve").warning(lost)


def _run(part: Part, settings: Any) -> None:
    """One part, in this process, to its end."""
    gc.disable()  # until the part has started: imports make much that lives and nothing that dies

    from submitter.cli.ending import Ending
    from submitter.cli.supervisor import end_with_supervisor

    ending = Ending()
    ending.listen()
    end_with_supervisor(ending)

    from submitter.cli import parts

    if part is Part.WEB:
        parts.web(settings, ending)
    else:
        asyncio.run((parts.worker if part is Part.WORKER else parts.reconciler)(settings, ending))
