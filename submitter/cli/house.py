"""`proofhook settings`, `migrate`, `sandbox`: the house itself."""

import errno
import math
import os
import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.cli import output
from submitter.cli.look import AsJson

if TYPE_CHECKING:
    from receiver.wire.provider import Provider

MASK = "********"
SANDBOX_PORT = 9000


def register(app: typer.Typer) -> None:
    for verb in (settings, migrate, sandbox):
        app.command()(verb)


def settings(as_json: AsJson = False) -> None:
    """Print every setting, its value (secrets masked) and where it came from."""
    from receiver import registry
    from receiver.settings import load
    from receiver.settings_shown import shown

    rows = shown(load())
    rows += [_key(provider) for provider in registry.providers().values()]
    if as_json:
        output.say_json(rows)
    else:
        output.table(("setting", "value", "source"), [(row["name"], row["value"], row["source"]) for row in rows])


def _key(provider: "Provider") -> dict[str, str]:
    """Whether a spending key is there; never the key."""
    from submitter.keys import find_key

    name = provider.key_setting
    if not find_key(provider):
        return {"name": name, "value": "", "source": "not set"}
    return {"name": name, "value": MASK, "source": "environment" if os.environ.get(name, "").strip() else ".env"}


def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema to this release's; safe to run again."""
    from receiver.ledger import schema
    from receiver.log import configure
    from receiver.settings import load
    from receiver.settings_shown import without_password

    found = load()
    configure(found.log_format, found.log_level)
    before = schema.version(found.database_url)
    after = schema.migrate(found.database_url)
    if as_json:
        output.say_json({"database": without_password(found.database_url), "before": before, "after": after})
    elif before == after:
        output.say(f"the schema is {after} already")
    else:
        output.say(f"the schema is {after} now (before: {before or 'none'})")


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = SANDBOX_PORT,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    time_scale: Annotated[
        float, typer.Option(metavar="X", help="Factor of every delay and lifetime: 0.1 is ten times as fast.")
    ] = 1.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=N", help="Let a fault strike N times, or always without =N; repeatable."),
    ] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Print the faults there are, and end.")] = False,
) -> None:
    """Run local stand-ins for every provider, until Ctrl-C."""
    from submitter.sandbox.faults import FAULTS, parse_faults

    if list_faults:
        output.table(("fault", "what goes wrong"), FAULTS.items())
        return
    if not 0 < time_scale < math.inf:
        raise typer.BadParameter("it must be above 0", param_hint="--time-scale")
    try:
        faults = parse_faults(fault or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    with _bound(host, port) as listening:
        _serve(listening, host, time_scale, faults)


def _bound(host: str, port: int) -> socket.socket:
    """Bound before anything is printed, so that a printed address is ours. Raises BadParameter."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        hint = "--port" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "--host"
        why = (error.strerror or type(error).__name__).partition(" (while")[0]
        reason = f"cannot listen on {host}, port {port} ({why}); choose another"
        raise typer.BadParameter(reason, param_hint=hint) from None


def _serve(listening: socket.socket, host: str, time_scale: float, faults: dict[str, int]) -> None:
    import uvicorn

    from receiver.log import configure
    from receiver.settings import load
    from submitter.sandbox.app import create_sandbox

    found = load()
    configure(found.log_format, found.log_level)
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    place = f"{f'[{reached}]' if ':' in reached else reached}:{listening.getsockname()[1]}"
    app = create_sandbox(f"http://{place}", time_scale=time_scale, faults=faults)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", log_config=None))
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn stops in good order by itself, then raises the signal once more: here that must not end us badly
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    for line in _exports(place):
        output.say(line)
    output.note("the sandbox runs until Ctrl-C; set these where `proofhook serve` and `proofhook submit` run")
    server.run(sockets=[listening])


def _exports(place: str) -> list[str]:
    """What points a receiver and a submitter at the sandbox, for a shell to read."""
    from receiver.registry import BUILT_IN
    from receiver.wire.provider import Jwks

    lines = [f"export IMAGE_HOSTS={place}"]
    for provider in BUILT_IN:
        lines += [
            f"export {provider.url_setting}=http://{place}/{provider.name}",
            f"export {provider.key_setting}=sandbox",
        ]
        if isinstance(provider.keys, Jwks):
            lines.append(f"export {provider.keys.setting}=http://{place}/{provider.name}/.well-known/jwks.json")
    return lines
