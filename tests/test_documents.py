"""Documents are tested: what they say of the code is the code's own word."""

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from receiver import registry
from receiver.settings import Settings
from submitter.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MADE = ("docs/settings.md", "docs/commands.md", "README.md")


def command_names() -> set[str]:
    group: Any = typer.main.get_command(app)
    return set(group.commands)


@pytest.mark.parametrize("document", MADE)
def test_made_documents_are_as_made_now(document: str, tmp_path: Path) -> None:
    """Settings, commands and the README's map are what docs/make.py writes from the code as it stands."""
    spec = importlib.util.spec_from_file_location("make_documents", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    make.write(tmp_path)
    assert (tmp_path / document).read_text() == (ROOT / document).read_text(), "run python docs/make.py"


def test_the_readme_names_every_command_and_no_other() -> None:
    """The table of commands is the help's list."""
    table = README.split("| command | does |")[1].split("\n\n")[0]
    named = {
        name
        for line in table.splitlines()
        for name in re.findall(r"`([a-z-]+)`", line.split("|")[1] if "|" in line else "")
    }
    assert named == command_names()


def test_every_command_that_the_readme_shows_exists() -> None:
    """Each command line of the README and the Procfile is a command of ours, with options that it has."""
    group: Any = typer.main.get_command(app)
    shown = re.findall(r"^(?:\$|[a-z]+:) proofhook ([^#&|\n]*)", README + (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert {line.split()[0] for line in shown} >= {"serve", "submit", "show", "migrate"}
    for line in shown:
        name, *words = shlex.split(line.replace("<job>", "JOB"))
        assert name in command_names(), line
        command = group.commands[name]
        options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, line


def test_the_readme_tells_of_every_provider() -> None:
    """The table of providers has a line for each, in what is its own column: verified how, and assumed what."""
    table = README.split("| provider | how it answers |")[1].split("\n\n")[0]
    rows = {name: row for row in table.splitlines() for name in re.findall(r"\*\*([a-z]+)\*\*", row)}
    assert set(rows) == set(registry.providers())
    for name, provider in registry.providers().items():
        assert ("no callback" in rows[name]) != provider.calls_back, name
        assert ("PUT" in rows[name]) == provider.uploads, name


def test_every_setting_that_documents_name_exists() -> None:
    """No document tells of a setting that nobody reads."""
    known = {name.upper() for name in Settings.model_fields} | {
        each.key_setting for each in registry.providers().values()
    }
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for name in re.findall(r"`([A-Z]{3,}(?:_[A-Z]+)+)(?:=[^`]*)?`", path.read_text()):
            assert name in known, f"{path.name} names {name}"


def test_the_readme_says_what_it_is_for_in_its_first_screen() -> None:
    """What it is, the two commands, the providers, the flow and the map are all there, in this order."""
    places = [
        README.index(words)
        for words in (
            "webhook receiver and callback verifier",
            "make demo",
            "make test",
            "| provider |",
            "## The flow",
            "## The map",
        )
    ]
    assert places == sorted(places)
    assert README[: places[2]].count("\n") < 25


def test_every_decision_says_what_was_decided() -> None:
    """A page for each decision: numbered, with what was decided."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert all(page.read_text().startswith("# ") for page in pages)


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in the documents is a file of the project."""
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_command_that_we_advise_exists() -> None:
    """No page, error or docstring sends a person to a command that is not there."""
    for path in (path for package in ("receiver", "submitter") for path in (ROOT / package).rglob("*")):
        if path.suffix in {".py", ".html"}:
            for name in re.findall(r"[`']proofhook ([a-z]+)", path.read_text()):
                assert name in command_names(), f"{path.name} advises proofhook {name}"


def test_every_file_that_documents_name_exists() -> None:
    """No document sends a reader to a file or folder that is not there."""
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for named in re.findall(r"`((?:tests|receiver|submitter|docs|benchmarks)/[a-z0-9_./-]+)`", path.read_text()):
            assert (ROOT / named).exists(), f"{path.name} names {named}"
