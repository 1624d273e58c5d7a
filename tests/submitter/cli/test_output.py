import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from submitter.cli import output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a donut, größer — 🍩", "a donut, größer — 🍩"),
        ("two\r\nlines\tand a tab", "two  lines and a tab"),
        ("\x1b[31mred\x07\x9b2J\x7f", "\ufffd[31mred\ufffd\ufffd2J\ufffd"),
        ("\u202egnp.exe\u2066\ufeff\udcff", "\ufffdgnp.exe\ufffd\ufffd\ufffd"),
        ("👩\u200d🍳", "👩\u200d🍳"),
        (None, "None"),
    ],
)
def test_clean(text: str | None, shown: str) -> None:
    """What could move a cursor, colour a screen or turn the reading direction becomes a mark; words stay words."""
    assert output.clean(text) == shown


def test_json_is_utf8_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON keeps every character, as UTF-8 or, where a terminal would obey it, escaped."""
    data = {"prompt": "größer \x1b[2J \x9b \u202e \udcff", "n": [1]}
    output.say_json(data)
    text = capsys.readouterr().out
    assert json.loads(text) == data
    assert "größer" in text
    assert text.replace("\n", "").isprintable()
    assert text.startswith('{\n  "prompt"')


def test_table_takes_markup_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets, emoji codes and links in a cell are characters."""
    cell = "[bold]x[/bold] [link=http://evil] :smile: [/]"
    output.table(("id", "value"), [("1", cell)])
    assert capsys.readouterr().out == f"id  value\n1   {cell}\n"


def test_table_in_a_pipe_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe nothing wraps, is cut, coloured or padded at its end."""
    output.table(("job", "error", "n"), [("a" * 300, "word " * 200 + "end", 7), ("b", None, 12)])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["job", "error", "n"]
    assert first == f"{'a' * 300}  {'word ' * 200}end   7"
    assert second.split() == ["b", "-", "12"]
    assert "\x1b" not in head


@pytest.mark.parametrize(
    ("length", "error", "columns"),
    [
        (30, "bad words " * 9, ["job", "age", "status", "error"]),
        (50, "bad words " * 9, ["job", "status", "error"]),
        (30, None, ["job", "age", "status"]),
    ],
)
def test_table_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    length: int,
    error: str | None,
    columns: list[str],
) -> None:
    """A terminal too narrow goes without spare columns, and one that says nothing; an id is never broken."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")  # 80 columns
    output.table(("job", "age", "status", "error"), [("j" * length, "5 min", "failed", error)], spare=("age",))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == columns
    assert lines[1].startswith("j" * length)
    assert max(map(len, lines)) <= 80


def test_nothing_is_animated_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A spinner is for terminals: in a pipe stderr stays empty."""
    with output.working("waiting"):
        pass
    assert capsys.readouterr() == ("", "")


def test_spinner_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal the wait is shown on stderr, never among the data."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with output.working("waiting for [red]it[/red]"):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    assert "waiting for [red]it[/red]" in err


def test_clock_and_age() -> None:
    """Times are UTC to the millisecond with the seconds since a beginning; an age has one unit."""
    at = datetime(2026, 11, 20, 12, 0, 1, 234567, tzinfo=UTC)
    assert output.clock(None) is None
    assert output.clock(at) == "2026-11-20 12:00:01.234Z"
    assert output.clock(at, at - timedelta(seconds=61)) == "2026-11-20 12:00:01.234Z  (+61.000 s)"
    now = datetime.now(UTC)
    assert output.age(now + timedelta(hours=1)) == "0 s"
    assert output.age(now - timedelta(minutes=7, seconds=5)) == "7 min"
    assert output.age(now - timedelta(hours=50)) == "2 d"
