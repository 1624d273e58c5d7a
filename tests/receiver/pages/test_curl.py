import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from receiver.pages.curl import curl, quoted
from tests.receiver.pages.test_mends import HOOK

STUB = """#!/bin/sh
for each in "$@"; do printf '%s\\0' "$each"; done > "$OUT.args"
cat > "$OUT.in"
"""


def run(command: str, folder: Path) -> tuple[list[bytes], bytes]:
    """What curl would have been given, by bash: its arguments, and what it could read."""
    stub, out = folder / "curl", folder / "out"
    stub.write_text(STUB)
    stub.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "OUT": str(out), "LC_ALL": "C"}
    done = subprocess.run(["bash", "-c", command], env=env, stdin=subprocess.DEVNULL, check=True, capture_output=True)  # noqa: S607
    assert not done.stderr
    return Path(f"{out}.args").read_bytes().split(b"\0")[:-1], Path(f"{out}.in").read_bytes()


@pytest.mark.parametrize("body", [
    b"{}", b"it's $(touch here) `touch here` \\ \"", "Käse \u202e 漢".encode(), b"line\r\n\ttwo\x1b[31m\x7f", b"!! \\'",
    b"@file",
])  # fmt: skip
def test_the_shell_gives_back_the_very_bytes(tmp_path: Path, body: bytes) -> None:
    """Whatever a stranger's text holds is one word of the command, and nothing of it is run."""
    args, _ = run(curl(HOOK, "http://pages", body), tmp_path)
    assert args == [b"-X", b"POST", b"http://pages/hooks/fal/job.TOKEN", b"--data-raw", body]
    assert not Path("here").exists()


def test_bytes_that_no_word_can_hold_go_through_base64(tmp_path: Path) -> None:
    """A body with a NUL in it, or one that is no text."""
    for body in (b"\x00\xff\x10bin", b"\xff\xfe"):
        args, given = run(curl(HOOK, "http://pages", body), tmp_path)
        assert args[-2:] == [b"--data-binary", b"@-"]
        assert given == body


def test_headers_go_along_but_for_the_way_and_secrets(tmp_path: Path) -> None:
    """What belongs to one connection is curl's own; a secret is not written out."""
    headers = (("host", "a"), ("content-length", "2"), (":status", "200"), ("x-forwarded-for", "b"))
    kept = (("x-note", "it's\xe9"), ("authorization", "hush"))
    args, _ = run(curl(replace(HOOK, headers=headers + kept), "http://pages", b"{}"), tmp_path)
    assert args[3:7] == [b"-H", b"x-note: it's\xe9", b"-H", b"authorization: (not shown)"]


def test_each_kind_has_its_door() -> None:
    """An upload is PUT to a place; an answer was sent by nobody; a long body is read from a file."""
    assert "PUT http://p/uploads/fal/job.PLACE.TOKEN" in curl(replace(HOOK, kind="upload"), "http://p", None)
    assert not curl(replace(HOOK, kind="answer"), "http://p", b"{}")
    assert "@body.bin" in curl(HOOK, "http://p", b"x" * 9000)
    assert quoted(b"plain") == "plain"
