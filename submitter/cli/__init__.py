"""The `proofhook` command: `main()` runs it, and every way it can end becomes an exit status and at most one line.

0 done · 1 the work failed · 2 bad usage or configuration · 3 a check found something wrong · 130 interrupted.
A file here per group of verbs, each with
`register(app)`; a verb imports what it needs when it runs, so that `proofhook --help` is quick.
"""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from submitter.cli import act, audit, demo, doctor, evidence, house, look, serve, submit
from submitter.cli.output import complain

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

USER_AT_FAULT = {"bad_order", "key_reused", "misconfigured", "no_such_delivery", "no_such_job"}
"""Slugs of errors that the user mends. Read off the error, so that naming one needs no import of what may be broken."""

app = typer.Typer(
    name="proofhook",
    help="Send jobs to image-generation APIs, verify their callbacks and keep every image with its proof.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"proofhook {version('proofhook')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _whole(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for verbs in (submit, look, act, audit, evidence, serve, demo, doctor, house):
    verbs.register(app)


def main() -> None:
    """Run the command line of this process and end it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character is no reason to fail
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Obey a command line; returns the exit status. Nothing escapes but SystemExit."""
    try:
        status = _obey(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _unheard()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.TyperException as error:
        return _misused(error, arguments)
    except Exception as error:  # noqa: BLE001  the last line of defence: a defect is one line too
        return _failed(error)
    return status


def _obey(arguments: Sequence[str]) -> int:
    for argument in arguments:
        if any("\ud800" <= letter <= "\udfff" for letter in argument):
            raise typer.BadParameter("write it in UTF-8", param_hint=repr(argument[:80]))
    command = typer.main.get_command(app)
    status = command.main(args=list(arguments), prog_name="proofhook", standalone_mode=False)
    return status if isinstance(status, int) else 0


def _misused(error: typer.TyperException, arguments: Sequence[str]) -> int:
    said = getattr(error, "format_message", error.__str__)().replace(": Value error, ", ": ")
    context = getattr(error, "ctx", None)
    verb = "" if not arguments or arguments[0].startswith("-") else f" {arguments[0]}"
    complain(f"{said.rstrip('.')}; see `{context.command_path if context else f'proofhook{verb}'} --help`")
    return MISUSED


def _failed(error: Exception) -> int:
    slug = getattr(error, "slug", None)
    if os.environ.get("PROOFHOOK_DEBUG") == "1":
        traceback.print_exception(error)
    if not isinstance(slug, str):
        complain(f"proofhook failed: {type(error).__name__}; run with PROOFHOOK_DEBUG=1 to see where")
        return FAILED
    complain(str(error) or slug)
    return MISUSED if slug in USER_AT_FAULT else FAILED


def _unheard() -> int:
    """Whoever read our output has gone; the flush at the interpreter's end must not fail a second time."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return FAILED
