from datetime import timedelta

import pytest

from receiver.pages import words
from receiver.wire import tokens
from tests.receiver.pages.seeding import SECRET, T0

JOB = "0b9de1f5-6e3c-4f7a-9a53-0d8f1c1a2b3c"


@pytest.mark.parametrize(("milliseconds", "said"), [
    (-5, "0 ms"), (0, "0 ms"), (999, "999 ms"), (1000, "1.00 s"), (2319, "2.31 s"), (9999, "9.99 s"), (10_000, "10 s"),
    (59_999, "59 s"), (60_000, "1 min"), (3_599_999, "59 min"), (3_600_000, "1 h"), (172_799_999, "47 h"),
    (172_800_000, "2 d"),
])  # fmt: skip
def test_a_duration_has_one_unit(milliseconds: int, said: str) -> None:
    """Rounded down, so that no unit ever shows what belongs to the next."""
    assert words.span(timedelta(milliseconds=milliseconds)) == said


@pytest.mark.parametrize(("seconds", "said"), [
    (0.4, "just now"), (4.7, "4 s ago"), (59, "59 s ago"), (180, "3 min ago"), (-0.5, "just now"), (-180, "in 3 min"),
])  # fmt: skip
def test_times_are_told_from_now(seconds: float, said: str) -> None:
    """Relative, before and ahead."""
    assert words.ago(T0 - timedelta(seconds=seconds), T0) == said


@pytest.mark.parametrize(("count", "said"), [
    (0, "0 B"), (999, "999 B"), (1000, "1 KB"), (999_499, "999 KB"), (999_500, "1.0 MB"), (1_840_000, "1.8 MB"),
])  # fmt: skip
def test_bytes_go_by_thousands(count: int, said: str) -> None:
    """KB and MB in steps of 10³."""
    assert words.size(count) == said


@pytest.mark.parametrize("place", [None, 3])
def test_a_capability_token_is_taken_out(place: int | None) -> None:
    """Wherever a token stands in a text, its MAC is not shown, nor a part of it when the text is clipped."""
    token = tokens.mint([SECRET.encode()], "upload", "runware", JOB, place)
    mac = token.rsplit(".", 1)[1]
    assert words.plain(f"PUT /uploads/runware/{token} now").endswith(".(token) now")
    assert mac[:3] not in words.clip(f"x {token}", len(token) - 10)


@pytest.mark.parametrize("junk", ["\x00", "\x1b", "\x85", "\ud800", "\u202e", "\u2066", "\u2028", "\r", "\ufeff"])
def test_what_cannot_be_seen_is_made_visible(junk: str) -> None:
    """Control characters, overrides and lone surrogates become one visible sign; the rest is left as it was."""
    text = f"a{junk}b \u0645\u0631\u062d\u0628\u0627 \u200f\u05d0\tx\ny"
    assert words.plain(text) == text.replace(junk, "\ufffd")


def test_a_text_is_clipped_to_its_length() -> None:
    """Never more than asked for, and the end says so."""
    assert words.clip("abc", 3) == "abc"
    assert words.clip("abcd", 3) == "ab…"
    assert words.short(JOB) == "0b9d…3c"
    assert words.short("short") == "short"


def test_nested_parameters_have_dotted_names() -> None:
    """A secret deep inside is still looked at by its own name."""
    found = dict(words.flat({"a": {"b": {"secret": 1}, "c": []}, "d": {}}))
    assert found == {"a.b.secret": 1, "a.c": [], "d": {}}
    assert words.shown("a.b.secret", 1) == "(not shown)"
    assert words.shown("flag", value=True) == "true"
