"""Logs: one line an event, and no secret in any of them, however it got there."""

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from receiver.log import configure, masked
from receiver.wire import tokens

JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
OURS = st.builds(
    lambda purpose, provider, key, place: (
        purpose,
        provider,
        tokens.mint([key], "hook" if purpose == "hooks" else "upload", provider, JOB, place),
    ),
    st.sampled_from(["hooks", "uploads"]),
    st.sampled_from(["fal", "runware", "my_own.api-2"]),
    st.binary(min_size=1, max_size=8),
    st.none() | st.integers(0, 19),
)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
QUERY = st.text(st.sampled_from("abcXYZ019-._~!$&'()*+,;=:@/%"), min_size=12, max_size=40)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """What `configure` sets up is of the process: it is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@given(OURS, AROUND, AROUND)
def test_no_token_survives(ours: tuple[str, str, str], before: str, after: str) -> None:
    """A URL of ours in any text, plain or percent-encoded, loses its token and keeps its door and provider."""
    purpose, provider, token = ours
    for url in (f"/{purpose}/{provider}/{token}", quote(f"/{purpose}/{provider}/{token}", safe="")):
        said = masked(f"{before}{url} {after}")
        assert token.rsplit(".", 1)[1] not in said
        assert "…" in said


@given(OURS)
def test_no_token_survives_in_a_providers_url(ours: tuple[str, str, str]) -> None:
    """fal's submit URL carries our callback URL in its query."""
    purpose, provider, token = ours
    hook = f"https://h.example/in/{purpose}/{provider}/{token}"
    for text in (urlencode({"fal_webhook": hook}), f"https://queue.fal.run/m?{urlencode({'fal_webhook': hook})}"):
        assert token.rsplit(".", 1)[1] not in masked(text)


@given(AROUND, QUERY, st.sampled_from(["https://h.example/a.png", "http://[::1]:8/x", "HTTPS://H.EXAMPLE/it's/a"]))
def test_no_query_survives(before: str, query: str, url: str) -> None:
    """A query may be a signature: the URL keeps its host and path, never what follows the question mark."""
    assert query not in masked(f"{before} {url}?sig={query} and more").removeprefix(before)


@given(AROUND, st.binary(min_size=30, max_size=90), st.sampled_from(["image/png", "image/png;charset=x", "", "a/b+c"]))
def test_no_picture_survives(before: str, data: bytes, media: str) -> None:
    """A data URI is a picture, and thousands of lines long."""
    text = base64.b64encode(data).decode()
    assert text[:30] not in masked(f"{before} data:{media};base64,{text} and more").removeprefix(before)


@given(st.text(st.sampled_from("abc XYZ019-._:,/"), max_size=80).filter(lambda text: "hooks/" not in text))
def test_other_text_is_left_alone(text: str) -> None:
    """What holds no URL of ours, no query and no picture is said as it is."""
    text = text.replace("uploads/", "")
    assert masked(text) == text


@given(AROUND)
def test_masking_twice_changes_nothing(text: str) -> None:
    """A masked text is as safe as it gets."""
    once = masked(f"/hooks/fal/abc https://h/x?y=1 {text}")
    assert masked(once) == once


def test_examples() -> None:
    """What a person reads instead."""
    assert masked(f"POST /hooks/fal/{JOB}.mac?x=1 HTTP/1.1") == "POST /hooks/fal/…?x=1 HTTP/1.1"
    assert masked('GET "https://cdn.example/a.png?sig=abc" 200') == 'GET "https://cdn.example/a.png?…" 200'
    assert masked("got data:image/png;base64,iVBORw0KGgo= here") == "got data:… here"


class Shy:
    """An object whose text shows too much."""

    def __repr__(self) -> str:
        return f"<call to /hooks/fal/{JOB}.hush>"


@pytest.mark.parametrize(
    "value",
    [
        f"/hooks/fal/{JOB}.hush",
        {"url": f"/uploads/runware/{JOB}.0.hush"},
        [{"deep": ["https://h/x?sig=hush"]}],
        ("https://h/x?sig=hush",),
        {f"/hooks/fal/{JOB}.hush": 1},
        Shy(),
        ValueError("https://h/x?sig=hush"),
        b"https://h/x?sig=hush",
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_kept_out_however_deep(capsys: pytest.CaptureFixture[str], value: Any, form: str) -> None:
    """By mistake or not: in texts, containers, objects and errors."""
    configure(form)
    structlog.get_logger("x").warning(f"seen /hooks/fal/{JOB}.hush", value=value)
    said = capsys.readouterr().err
    assert "hush" not in said
    assert "seen" in said


def test_a_traceback_is_masked_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception's own words may quote a URL."""
    configure("json")
    try:
        int(f"https://h/x?sig=hush of /hooks/fal/{JOB}.hush")
    except ValueError:
        structlog.get_logger("x").exception("defect")
    [line] = capsys.readouterr().err.splitlines()
    assert "hush" not in line
    assert "ValueError" in json.loads(line)["exception"]


def test_json_is_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    """For machines: level, time in UTC, and numbers as numbers."""
    configure("json", "info")
    structlog.get_logger("x").debug("not this")
    structlog.get_logger("x").info("delivery", status=200, ms=1.5, peer=None, ok=True, many=[1, "a"])
    [line] = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "event": "delivery", "level": "info", "status": 200, "ms": 1.5, "peer": None, "ok": True, "many": [1, "a"],
    }  # fmt: skip


@pytest.mark.parametrize(("form", "terminal", "is_json"), [
    ("auto", False, True), ("auto", True, False), ("json", True, True), ("console", False, False),
])  # fmt: skip
def test_console_on_a_terminal_else_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str, *, terminal: bool, is_json: bool
) -> None:
    """`auto` looks at stderr; a form that was asked for is kept to."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    configure(form)
    structlog.get_logger("x").info("hello")
    assert capsys.readouterr().err.startswith("{") is is_json


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_is_kept_to(capsys: pytest.CaptureFixture[str], level: str) -> None:
    """LOG_LEVEL: what is below it is not said."""
    configure("json", level)
    for each in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger("x"), each)(each)
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["debug", "info", "warning", "error"][["debug", "info", "warning", "error"].index(level) :]


def test_the_web_process_does_not_pay_for_rich() -> None:
    """structlog would load rich for tracebacks that nobody sees; whoever wants rich afterwards still finds it."""
    code = "import sys, receiver.app; assert not any(n.startswith('rich') for n in sys.modules); import rich.table"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
