from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import Malformed
from receiver.wire import reading
from receiver.wire.orders import Reply
from receiver.wire.types import Failure, ImageRef, Outcome

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"NaN",
        b"-Infinity",
        b'{"a": 1} x',
        b"{}{}",
        b"[]]",
        "\ufeff{}".encode(),
        b"9" * 5000,
        b"1e99999999999999999999",
        b"[" * 200_000,
    ],
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    """No parser's own exception escapes, and Python's NaN is not JSON."""
    with pytest.raises(Malformed):
        reading.json_value(body)


@pytest.mark.parametrize("body", [b'{"a": [1]}', b' {"a": [1]}', b'\r\n\t{"a": [1]}\n', b'{"a": [1]}\r\n '])
def test_blanks_around_json_change_nothing(body: bytes) -> None:
    """RFC 8259 §2: whitespace may stand before and after the value."""
    assert reading.json_value(body) == {"a": [1]}


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"'])
def test_an_object_is_asked_for_by_name(body: bytes) -> None:
    """JSON that is no object is read as a value only."""
    reading.json_value(body)
    with pytest.raises(Malformed):
        reading.json_object(body)


def test_a_refusal_quotes_nothing() -> None:
    """The parser's words hold a piece of the body; ours do not, and do not lead to them."""
    with pytest.raises(Malformed) as refused:
        reading.json_value(b'{"secret": hunter2}')
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_fractions_keep_their_digits() -> None:
    """A cost is money: 0.1 is a tenth."""
    assert reading.json_value(b"0.10") == Decimal("0.10")
    assert str(reading.json_value(b"0.10")) == "0.10"


@pytest.mark.parametrize("value", [None, "", 5, True, [], {}, "a\nb", "a\x00", "\ud800", "x" * 201])
def test_an_id_is_a_short_printable_text(value: Any) -> None:
    """No number, no control character, no lone surrogate, no more than 200 characters."""
    with pytest.raises(Malformed):
        reading.text({"id": value}, "id")


def test_a_longer_text_is_taken_where_it_is_said() -> None:
    """The bound is a parameter."""
    assert reading.text({"url": "x" * 300}, "url", 300) == "x" * 300


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("7", "7"),
        (17454220438242315174, "17454220438242315174"),
        (Decimal("1.50"), "1.50"),
        (0, "0"),
    ],
)
def test_a_seed_is_its_exact_text(value: Any, expected: str | None) -> None:
    """Seeds beyond 64 bits keep every digit; absent, null and empty are None."""
    assert reading.maybe_text({"seed": value}, "seed") == expected


@pytest.mark.parametrize("value", [True, [], {}, "a\x1b", 10**2000])
def test_no_text_is_malformed(value: Any) -> None:
    """What has no exact short text is refused."""
    with pytest.raises(Malformed):
        reading.maybe_text({"seed": value}, "seed")


@pytest.mark.parametrize(("value", "expected"), [(None, None), (1024, 1024), ("768", 768), (Decimal("512.0"), 512)])
def test_whole_numbers(value: Any, expected: int | None) -> None:
    """Pixels come as numbers or as text."""
    assert reading.maybe_int({"width": value}, "width") == expected


@pytest.mark.parametrize("value", [True, 1.5, -1, 2**31, "x", "1e400", [], float("nan")])
def test_no_whole_number_is_malformed(value: Any) -> None:
    """What no column holds is refused before it gets there."""
    with pytest.raises(Malformed):
        reading.maybe_int({"width": value}, "width")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("0.0400", "0.0400"),
        (Decimal("0.0038"), "0.0038"),
        (0.1, "0.1"),
        (-2, "-2"),
        (1e-7, "1E-7"),
    ],
)
def test_costs(value: Any, expected: str | None) -> None:
    """A cost is a number or a numeric text, exact; a credit is negative."""
    cost = reading.maybe_decimal({"cost": value}, "cost")
    assert (None if cost is None else str(cost)) == expected


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1_000", "1e9", "\u0663", True, [], 10**9, 10**3000, Decimal("1E+999999")]
)
def test_no_cost_is_malformed(value: Any) -> None:
    """Not finite, out of proportion, or Python's own spelling of a number."""
    with pytest.raises(Malformed):
        reading.maybe_decimal({"cost": value}, "cost")


def test_inline_bytes() -> None:
    """A data URI names its type, bare base64 does not; a URL is for fetching."""
    assert reading.inline("data:image/PNG;base64,aGk=") == (b"hi", "image/png")
    assert reading.inline("DATA:;base64,aGk=") == (b"hi", None)
    assert reading.inline("aG\nk=") == (b"hi", None)
    assert reading.inline("HTTPS://cdn.example/x.png") is None


@pytest.mark.parametrize(
    "value", ["", "data:,hi", "data:image/png,hi", "ftp://x/y", "file:///etc/passwd", "aGk", "é", "data:;base64,"]
)
def test_neither_url_nor_bytes_is_malformed(value: str) -> None:
    """No other scheme is ever fetched."""
    with pytest.raises(Malformed):
        reading.inline(value)


def test_an_event_id_is_bounded_and_told_apart() -> None:
    """Request id, outcome and image keys; a hash of them where they are long."""
    images = [ImageRef("a"), ImageRef("b")]
    assert reading.event_id("r", Outcome.FAILED) == "r:failed"
    assert reading.event_id("r", Outcome.SUCCEEDED, images) == "r:succeeded:a,b"
    long = reading.event_id("r" * 200, Outcome.SUCCEEDED, images)
    assert len(long) <= reading.ID
    assert long != reading.event_id("r" * 200, Outcome.SUCCEEDED, images[:1])


def test_a_failure_is_bounded_text_without_our_token() -> None:
    """Errors are shown and logged: one line each, and an echoed callback URL loses its token."""
    assert reading.failure(None, ["x"]) == Failure("unknown", "the provider gave no reason")
    assert reading.failure(422, "a\x00b\nc") == Failure("422", "a b c")
    assert len(reading.failure("c" * 999, "m" * 9999).message) == 1000
    for url in ("https://h.example/hooks/runware/abc.SECRET", "https%3A%2F%2Fh%2Fuploads%2Frunware%2FSECRET"):
        assert "SECRET" not in reading.failure("bad", f"cannot reach {url}, sorry").message


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"error": "boom"}, Failure("failed", "boom")),
        ({"error": "policy", "message": "No."}, Failure("policy", "No.")),
        ({"error": {"code": "E1", "message": "No."}}, Failure("E1", "No.")),
        ({"error": {"code": "E1", "error_message": "No."}}, Failure("E1", "No.")),
        ({"code": "E1", "message": "No."}, Failure("E1", "No.")),
        ({"error_message": "No."}, Failure("failed", "No.")),
        ({}, Failure("failed", "the provider gave no reason")),
    ],
)
def test_a_complaint_is_found_wherever_it_stands(obj: dict[str, Any], expected: Failure) -> None:
    """Each provider puts its error elsewhere; its own code and message are kept."""
    assert reading.complaint(obj, "failed") == expected


def test_a_refusal_without_words_has_its_status() -> None:
    """A proxy's HTML is a refusal, too."""
    refused = reading.refusal(Reply(502, b"<html>"))
    assert (refused.code, refused.message) == ("http_502", "the provider gave no reason")


@given(ANYTHING)
def test_nothing_but_malformed_escapes(value: Any) -> None:
    """Whatever stands under a key, every reader gives a value or Malformed."""
    obj = {"k": value}
    for read in (
        reading.text,
        reading.maybe_text,
        reading.maybe_int,
        reading.maybe_decimal,
        reading.either,
        reading.child,
        reading.children,
    ):
        try:
            read(obj, "k")
        except Malformed:
            continue
    reading.failure(value, value)
    reading.complaint({"error": value, "message": value, "code": value}, "x")
    reading.complaint({"error": obj}, "x")
