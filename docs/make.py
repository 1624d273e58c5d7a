"""Writes what is made from the code: docs/settings.md, docs/commands.md, and the map in the README.

    python docs/make.py [FOLDER]

A test runs it and compares: a document that is not true fails the build.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from receiver import registry
from receiver.settings import Settings
from submitter.cli import app

ROOT = Path(__file__).resolve().parent.parent
HOMES = ("submitter", "receiver")


def settings() -> str:
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in {PydanticUndefined, None} else field.default
        shown = ", ".join(default) if isinstance(default, tuple) else str(default)
        rows.append(f"| `{name.upper()}` | {f'`{shown}`' if shown else ''} | {field.description} |")
    keys = [f"| `{each.key_setting}` | | {each.title}'s spending key |" for each in registry.providers().values()]
    return "\n".join(
        [
            "# Settings",
            "",
            "From the environment, or `.env` in the working directory. `proofhook settings` prints each with its value",
            "and where it came from; a wrong one stops the start with one line that names it. Made by `docs/make.py`.",
            "",
            *rows,
            "",
            "Spending keys are read by the submitter and the reconciler only, never by the process that faces the",
            "internet:",
            "",
            "| variable | default | meaning |",
            "| --- | --- | --- |",
            *keys,
            "",
        ]
    )


def commands() -> str:
    group: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        "",
        "Exit status: 0 done, 1 the work failed, 2 bad usage or configuration, 3 a check found something wrong.",
        "Made by `docs/make.py`.",
    ]
    for name, command in _commands(group):
        usage = " ".join(piece for parameter in command.params for piece in _usage(parameter))
        parts += [
            "",
            f"## `proofhook {name}`",
            "",
            f"{command.help}",
            "",
            "```",
            f"proofhook {name} {usage}".rstrip(),
            "```",
            "",
        ]
        parts += [f"- `{_names(each)}`: {each.help}" for each in command.params if getattr(each, "help", None)]
    return "\n".join(parts) + "\n"


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, and those of groups behind their group."""
    for name, command in group.commands.items():
        yield before + name, command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")


def _names(option: Any) -> str:
    return ", ".join([*option.opts, *option.secondary_opts])


def _usage(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [
            (parameter.metavar or parameter.name or "").upper().strip("[]") + ("…" if parameter.nargs == -1 else "")
        ]
    if parameter.name == "help":
        return []
    value = "" if getattr(parameter, "is_flag", False) else f" {(parameter.name or '').upper()}"
    return [f"[{parameter.opts[0]}{value}]" + ("…" if parameter.multiple else "")]


def tree() -> str:
    """The two packages: every file and every room below them with its first sentence."""
    lines: list[str] = []
    for home in HOMES:
        lines.append(f"{home}/")
        rooms = [path.parent for path in (ROOT / home).rglob("__init__.py") if path.parent != ROOT / home]
        entries = {str(room.relative_to(ROOT / home)) + "/": _first(room / "__init__.py") for room in rooms}
        entries |= {path.name: _first(path) for path in (ROOT / home).glob("*.py") if path.name != "__init__.py"}
        lines += [
            f"  {name:<17} {entries[name]}".rstrip()
            for name in sorted(entries, key=lambda name: (name.endswith("/"), name))
        ]
    return "\n".join(lines)


def _first(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    return said.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")


def readme(text: str) -> str:
    """The README with its map made anew, between the heading and the sentence behind it."""
    head, _, rest = text.partition("## The map\n")
    _, _, tail = rest.partition("\n```\n\nImports run one way")
    return f"{head}## The map\n\n```\n{tree()}\n```\n\nImports run one way{tail}"


def write(folder: Path) -> None:
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    (folder / "docs" / "settings.md").write_text(settings())
    (folder / "docs" / "commands.md").write_text(commands())
    (folder / "README.md").write_text(readme((ROOT / "README.md").read_text()))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
